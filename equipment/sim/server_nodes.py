"""The address space of an equipment: the published types and our table, built once and used by a whole line."""

import logging

from asyncua import Node, Server, ua
from asyncua.common.structures104 import new_struct, new_struct_field

from equipment.interface import nodes
from equipment.interface.nodes import Field, Method
from equipment.interface.nodesets import ISA95, MACHINERY_JOBS, learn_types, load_node_sets
from equipment.sim.server_security import Gate

JOB_MANAGEMENT_TYPE = 1003
JOB_RECEIVER_TYPE = 1002
JOB_STATUS_EVENT_TYPE = 1006
EVENT_TYPE = "JobOrderStatusEventType"


async def build_address_space() -> Server:
    """An initialised server that publishes everything except the values. Nobody is let in yet."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # it logs every refusal with its stack; ours are lines
    server = Server(user_manager=Gate())
    await server.init()
    await load_node_sets(server)
    index = await server.register_namespace(nodes.NAMESPACE)
    await learn_types(server)
    own = {item.name: ua.NodeId(item.name, index) for item in nodes.STRUCTURES}
    for item in nodes.STRUCTURES:
        fields = [
            new_struct_field(f.name, own.get(f.type) or _data_type(f.type), array=f.array, optional=f.optional)
            for f in item.fields
        ]
        await new_struct(server, own[item.name], ua.QualifiedName(item.name, index), fields)
    await learn_types(server)
    for path in nodes.OBJECTS:
        await _parent(server, index, path).add_object(*_names(index, path))
    await _add_job_management(server, index)
    for variable in nodes.VARIABLES:
        kind = ua.VariantType[variable.type]
        await _parent(server, index, variable.path).add_variable(
            *_names(index, variable.path), ua.get_default_value(kind), varianttype=kind, datatype=ua.NodeId(kind.value)
        )
    for method in nodes.METHODS:
        await _add_method(server, index, method)
    await _add_event_type(server, index)
    return server


def _names(index: int, path: str) -> tuple[ua.NodeId, ua.QualifiedName]:
    return ua.NodeId(path, index), ua.QualifiedName(path.rpartition(".")[2], index)


def _parent(server: Server, index: int, path: str) -> Node:
    outer = path.rpartition(".")[0]
    return server.get_node(ua.NodeId(outer, index)) if outer else server.nodes.objects


def _data_type(type_name: str) -> ua.NodeId:
    if type_name in ua.VariantType.__members__:
        return ua.NodeId(ua.VariantType[type_name].value)
    known: ua.NodeId = getattr(ua, type_name).data_type
    return known


def _argument(field: Field) -> ua.Argument:
    rank = ua.ValueRank.OneDimension if field.array else ua.ValueRank.Scalar
    return ua.Argument(
        Name=field.name,
        DataType=_data_type(field.type),
        ValueRank=int(rank),
        ArrayDimensions=[0] if field.array else [],
    )


async def _add_method(server: Server, index: int, method: Method) -> None:
    await _parent(server, index, method.path).add_method(
        *_names(index, method.path), None, [_argument(f) for f in method.takes], [_argument(f) for f in method.gives]
    )


async def _add_job_management(server: Server, index: int) -> None:
    """The job control inside comes without its optional methods, so it is made again with them."""
    machinery = await server.get_namespace_index(MACHINERY_JOBS)
    isa95 = await server.get_namespace_index(ISA95)
    management = await server.get_node(ua.NodeId(nodes.EQUIPMENT, index)).add_object(
        ua.NodeId(nodes.JOB_MANAGEMENT, index),
        ua.QualifiedName("JobManagement", machinery),
        objecttype=ua.NodeId(JOB_MANAGEMENT_TYPE, machinery),
    )
    control = ua.NodeId(nodes.JOB_CONTROL, index)
    await server.delete_nodes([server.get_node(control)], recursive=True)
    await management.add_object(
        control,
        ua.QualifiedName("JobOrderControl", machinery),
        objecttype=ua.NodeId(JOB_RECEIVER_TYPE, isa95),
        instantiate_optional=True,
    )


async def _add_event_type(server: Server, index: int) -> None:
    """The published event type is abstract; this is the one that equipment raises."""
    isa95 = await server.get_namespace_index(ISA95)
    abstract = server.get_node(ua.NodeId(JOB_STATUS_EVENT_TYPE, isa95))
    await abstract.add_object_type(ua.NodeId(EVENT_TYPE, index), ua.QualifiedName(EVENT_TYPE, index))
