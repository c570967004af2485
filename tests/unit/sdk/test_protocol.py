"""The generated code is what `model.proto` says."""

from __future__ import annotations

from evoke.protocol import generate
from evoke.protocol.generated import model_pb2
from evoke.protocol.methods import SERVICE


def test_the_generated_code_is_up_to_date() -> None:
    assert generate.stale_files() == []


def test_the_methods_are_named_as_in_the_proto() -> None:
    (service,) = model_pb2.DESCRIPTOR.services_by_name.values()
    assert service.full_name == SERVICE
    assert [method.name for method in service.methods] == ["Describe", "Generate"]
