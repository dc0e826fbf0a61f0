"""Our own namespace, declared once: the server publishes this table and the client calls by it.

It covers what no published companion specification does: recipes, substrate maps, the journal, E10 state and
energy. A node's path is its string identifier in the namespace; the parts of the path before the last name are the
objects around it. Names follow the words of E10, E40, E87, E90 and E142.
"""

from dataclasses import dataclass

NAMESPACE = "urn:interposer:packaging"

EQUIPMENT = "Equipment"
JOURNAL = "Equipment.Journal"
RECIPES = "Equipment.Recipes"
MAPS = "Equipment.Maps"
JOB_MANAGEMENT = "Equipment.JobManagement"
JOB_CONTROL = "Equipment.JobManagement.JobOrderControl"
JOB_RESULTS = "Equipment.JobManagement.JobOrderResults"
LINE_CLOCK = "LineClock"

OBJECTS = (EQUIPMENT, JOURNAL, RECIPES, MAPS, LINE_CLOCK)
"""Objects that are ours, from outside to inside; those of JobManagement come from the published types."""


@dataclass(frozen=True)
class Field:
    """A named value: ``type`` is a built-in type of OPC UA or the name of a structure, ours or published."""

    name: str
    type: str
    array: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Structure:
    """A structure of our namespace."""

    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Variable:
    """A variable that only the equipment writes."""

    path: str
    type: str


@dataclass(frozen=True)
class Method:
    """A method with what it takes and what it gives. It returns at once, and its call status is Good."""

    path: str
    takes: tuple[Field, ...] = ()
    gives: tuple[Field, ...] = ()


STRUCTURES = (
    Structure(
        "RecipeDataType",
        (
            Field("Name", "String"),
            Field("Version", "UInt32"),
            Field("Sha256", "String"),
            Field("Since", "DateTime"),
        ),
    ),
    Structure("JobChangeDataType", (Field("StateNumber", "UInt32"), Field("Reason", "String"))),
    Structure("EquipmentChangeDataType", (Field("E10State", "UInt32"), Field("Reason", "String"))),
    Structure(
        "AlarmChangeDataType",
        (
            Field("Code", "String"),
            Field("Severity", "UInt16"),
            Field("Text", "String"),
            Field("IsSet", "Boolean"),
        ),
    ),
    Structure(
        "TransfersDataType",
        (
            Field("Sources", "String", array=True),
            Field("Targets", "String", array=True),
            Field("Source", "UInt16", array=True),
            Field("FromX", "Int16", array=True),
            Field("FromY", "Int16", array=True),
            Field("Target", "UInt16", array=True),
            Field("ToX", "Int16", array=True),
            Field("ToY", "Int16", array=True),
            Field("Site", "ByteString"),
            Field("Level", "ByteString"),
            Field("Head", "ByteString"),
            Field("Outcome", "ByteString"),
        ),
    ),
    Structure(
        "MeasuredDataType",
        (
            Field("Name", "String"),
            Field("Unit", "String"),
            Field("X", "Int16", array=True),
            Field("Y", "Int16", array=True),
            Field("Value", "Double", array=True),
        ),
    ),
    Structure(
        "SubstrateResultDataType",
        (
            Field("Lot", "String"),
            Field("Substrate", "String"),
            Field("Visit", "UInt32"),
            Field("Outcome", "String"),
            Field("StartedAt", "DateTime"),
            Field("EndedAt", "DateTime"),
            Field("EnergyKwh", "Double"),
            Field("Rows", "UInt32"),
            Field("Columns", "UInt32"),
            Field("Touched", "ByteString"),
            Field("Bins", "ByteString", optional=True),
            Field("Transfers", "TransfersDataType", optional=True),
            Field("Measured", "MeasuredDataType", array=True),
            Field("Parameters", "ISA95ParameterDataType", array=True),
        ),
    ),
    Structure(
        "RecordDataType",
        (
            Field("Sequence", "UInt64"),
            Field("HappenedAt", "DateTime"),
            Field("JobOrderID", "String"),
            Field("Body", "Variant"),
        ),
    ),
)
"""Maps are row by row from the top left, one byte a position. A record's Body holds one of the four structures for
a job's change, an equipment's change, an alarm's change and a substrate's result; it is a Variant, because some stacks
cannot read a field that is any structure."""

NAME = Variable("Equipment.Name", "String")
EQUIPMENT_CLASS = Variable("Equipment.EquipmentClass", "String")
E10_STATE = Variable("Equipment.E10State", "UInt32")
ENERGY_KWH = Variable("Equipment.EnergyKwh", "Double")
JOURNAL_ID = Variable("Equipment.Journal.JournalId", "String")
BOOT_ID = Variable("Equipment.Journal.BootId", "String")
HEAD = Variable("Equipment.Journal.Head", "UInt64")
VARIABLES = (NAME, EQUIPMENT_CLASS, E10_STATE, ENERGY_KWH, JOURNAL_ID, BOOT_ID, HEAD)

ANSWER = (Field("Status", "UInt64"), Field("Text", "String"))
"""ReturnStatus bits as in job control, and a sentence where the equipment refused."""
RECIPE_KEY = (Field("Name", "String"), Field("Version", "UInt32"))

GET_RECORDS = Method(
    "Equipment.Journal.GetRecords",
    (Field("Journal", "String"), Field("After", "UInt64"), Field("Most", "UInt32")),
    (
        Field("Journal", "String"),
        Field("Boot", "String"),
        Field("Head", "UInt64"),
        Field("Records", "RecordDataType", array=True),
    ),
)
"""Records of the journal above ``After``; an empty ``Journal`` means whatever journal there is. A name that is not
the equipment's journal gives no record. May give fewer than ``Most`` where they are large: ask again until Head."""
ACKNOWLEDGE = Method(
    "Equipment.Journal.Acknowledge",
    (Field("Journal", "String"), Field("Upto", "UInt64")),
    ANSWER,
)
LAST_REFUSAL = Method("Equipment.Journal.LastRefusal", (Field("JobOrderID", "String"),), ANSWER)
"""Why the equipment last refused a method on that job order: the published methods answer with bits alone."""
LIST_RECIPES = Method("Equipment.Recipes.ListRecipes", (), (Field("Recipes", "RecipeDataType", array=True),))
DOWNLOAD_RECIPE = Method(
    "Equipment.Recipes.DownloadRecipe",
    (*RECIPE_KEY, Field("Body", "String"), Field("Sha256", "String")),
    ANSWER,
)
UPLOAD_RECIPE = Method("Equipment.Recipes.UploadRecipe", RECIPE_KEY, (*ANSWER, Field("Body", "String")))
DELETE_RECIPE = Method("Equipment.Recipes.DeleteRecipe", RECIPE_KEY, ANSWER)
LOAD_MAP = Method(
    "Equipment.Maps.LoadMap",
    (
        Field("JobOrderID", "String"),
        Field("Substrate", "String"),
        Field("Role", "String"),
        Field("Rows", "UInt32"),
        Field("Columns", "UInt32"),
        Field("Allowed", "ByteString"),
    ),
    ANSWER,
)
NEXT_EVENT = Method("LineClock.NextEvent", (), (Field("Waiting", "Boolean"), Field("At", "DateTime")))
ADVANCE = Method("LineClock.Advance", (Field("To", "DateTime"),), ANSWER)
FAULT = Method("LineClock.Fault", (Field("Name", "String"), Field("Value", "Double")), ANSWER)
METHODS = (
    GET_RECORDS,
    ACKNOWLEDGE,
    LAST_REFUSAL,
    LIST_RECIPES,
    DOWNLOAD_RECIPE,
    UPLOAD_RECIPE,
    DELETE_RECIPE,
    LOAD_MAP,
    NEXT_EVENT,
    ADVANCE,
    FAULT,
)

RETURN_STATUS = (Field("ReturnStatus", "UInt64"),)
COMMENT = Field("Comment", "LocalizedText", array=True)


def _with_order(name: str) -> Method:
    return Method(f"{JOB_CONTROL}.{name}", (Field("JobOrder", "ISA95JobOrderDataType"), COMMENT), RETURN_STATUS)


def _with_id(name: str) -> Method:
    return Method(f"{JOB_CONTROL}.{name}", (Field("JobOrderID", "String"), COMMENT), RETURN_STATUS)


STORE, STORE_AND_START, UPDATE = _with_order("Store"), _with_order("StoreAndStart"), _with_order("Update")
START, STOP, PAUSE, RESUME = _with_id("Start"), _with_id("Stop"), _with_id("Pause"), _with_id("Resume")
ABORT, CANCEL, CLEAR = _with_id("Abort"), _with_id("Cancel"), _with_id("Clear")
REVOKE_START = _with_id("RevokeStart")
RESPONSE_BY_ID = Method(
    f"{JOB_RESULTS}.RequestJobResponseByJobOrderID",
    (Field("JobOrderID", "String"),),
    (Field("JobResponse", "ISA95JobResponseDataType"), *RETURN_STATUS),
)
RESPONSE_BY_STATE = Method(
    f"{JOB_RESULTS}.RequestJobResponseByJobOrderState",
    (Field("JobOrderState", "ISA95StateDataType", array=True),),
    (Field("JobResponses", "ISA95JobResponseDataType", array=True), *RETURN_STATUS),
)
JOB_METHODS = (
    STORE,
    STORE_AND_START,
    UPDATE,
    START,
    STOP,
    PAUSE,
    RESUME,
    ABORT,
    CANCEL,
    CLEAR,
    REVOKE_START,
    RESPONSE_BY_ID,
    RESPONSE_BY_STATE,
)
"""Methods of the published types, whose nodes come with those types."""

JOB_ORDER_LIST = Variable(f"{JOB_CONTROL}.JobOrderList", "ISA95JobOrderAndStateDataType")
WORK_MASTER = Variable(f"{JOB_CONTROL}.WorkMaster", "ISA95WorkMasterDataType")
MAX_JOB_ORDERS = Variable(f"{JOB_CONTROL}.MaxDownloadableJobOrders", "UInt16")
"""Variables of the published types that the equipment fills."""
