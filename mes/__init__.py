"""The system of record. Its features from the ground up; each knows only what stands above it in this list.

``errors`` ``clock`` ``settings``       what a caller is told, plant time, what can be set
``postgres`` ``rows`` ``lists``         the embedded server; rows of a table written together, lists sent as arrays
``db`` ``transitions``                  transactions, the one lock, who sees what; state tables
``schema`` ``guards``                   roles and migrations; what the database itself refuses
``history``                             append-only events, chained per subject, and the outbox
``http``                                one transaction per request, every error told in one place
``people``                              customers, users, sign-in and signatures, one table of who may do what
``definitions``                         sites, areas, equipment classes, layouts, products, the plant clock
``equipment``                           what each equipment is, its condition and maintenance; who is certified for it
``recipes`` ``routes``                  versions of what equipment runs; operations in order, queue-time limits
``runs``                                one stay on one equipment
``materials``                           lots of material, containers: received, thawed, mounted, used up; ``durables``
``units``                               substrates, layers and moves, packed; ``formats`` reads and writes map files,
                                        ``arithmetic`` makes figures of their arrays
``lots``                                create, scrap, store, priority; ledgers; what else is done with them in rooms:
    ``routing`` ``experiments``         samples, other versions of a route; recipes and parameters that differ by plan
    ``holds`` ``regrouping``            set and released, set for later; substrates that go over to another lot, or back
    ``gate`` ``work``                   why a lot may not start; tracked in, worked, reported, tracked out
    ``verbs`` ``many`` ``maps``         verbs beside the route; acts on all that a filter finds; map files in and out
    ``analysis``                        maps of a lot or product laid upon each other: zones, signatures, bins compared
``dispatch``                            what to start next, and why not
``shipments``                           lots that leave and come, with the document that tells what they hold
``jobs``                                orders sent, records stored once and applied once; the connector
``genealogy`` ``reports`` ``events``    reads across features; figures as SQL; delivery of the outbox
``labels``                              what a scanned code names, and labels to be scanned
``plant``                               the plant as text: check, compare, apply, export
``web`` ``app``                         the pages; the application that lists them
``cli``                                 one module per noun, and the demonstration

In each, ``models`` are its tables, ``states`` its states and their transitions, ``queries`` its reads; all others
are named for what they do. Read first: `mes.lots.work.track_in` and `mes.lots.work.track_out`, then `mes.jobs.results`.
"""
