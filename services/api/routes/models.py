"""What can be asked for, and how long the lines are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from evoke.domain.topics import Lane
from services.api.context import Context
from services.api.exchange import AnyReply, Exchange, Reply
from services.api.operations import Answer, Operation, Parameter
from services.api.schemas.models import ModelDocument, ModelList, QueueDocument, QueueList, model_document

_encode = msgspec.json.Encoder().encode
_MODEL_ID = Parameter(
    name="id", place="path", schema={"type": "string"}, said="Id or alias of the model.", example="shapes-64"
)


class ModelRoutes:
    """`/v1/models` and `/v1/queues`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        documents = [model_document(model) for model in context.catalogue.models]
        self._list = _encode(ModelList(documents))

    async def page(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/models`."""
        return Reply(200, self._list)

    async def get(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/models/{id}`."""
        return Reply(200, _encode(model_document(self._context.catalogue.get(exchange.parameters["id"]))))

    async def queues(self, exchange: Exchange) -> AnyReply:
        """`GET /v1/queues`."""
        names = self._context.catalogue.queues
        items = await asyncio.gather(*(self._queue(name) for name in names))
        return Reply(200, _encode(QueueList(list(items))))

    async def _queue(self, name: str) -> QueueDocument:
        stats = await self._context.queue.stats(name)
        return QueueDocument(
            name=name,
            models=[model.id for model in self._context.catalogue.models if model.queue == name],
            depth={lane.value: stats.depth.get(lane, 0) for lane in Lane},
            delayed=stats.delayed,
            running=stats.in_flight,
            oldest_age_s=stats.oldest_age_s,
            workers=stats.workers,
            bound=self._context.settings.max_queued,
        )

    @property
    def operations(self) -> Sequence[Operation]:
        """Rows of the table."""
        return (
            Operation(
                method="GET",
                path="/v1/models",
                handler=self.page,
                scope="read",
                tag="models",
                summary="List the models",
                answers={200: Answer(said="All models.", body=ModelList)},
            ),
            Operation(
                method="GET",
                path="/v1/models/{id}",
                handler=self.get,
                scope="read",
                tag="models",
                summary="Look at a model",
                said="`input_schema` is the JSON Schema that a job's `input` is checked against.",
                parameters=(_MODEL_ID,),
                answers={200: Answer(said="The model.", body=ModelDocument)},
                refusals=(404,),
            ),
            Operation(
                method="GET",
                path="/v1/queues",
                handler=self.queues,
                scope="read",
                tag="models",
                summary="Look at the queues",
                answers={200: Answer(said="Depth, age and workers of every queue.", body=QueueList)},
                refusals=(503,),
            ),
        )
