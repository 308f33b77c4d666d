"""The routes that answer JSON."""

from typing import List, Optional, Tuple

from fastapi import APIRouter, Depends, Response

from scripts.serving.batching import Cats
from scripts.serving.errors import RequestError
from scripts.serving.metrics import report
from scripts.serving.models import Served, find_teacher
from scripts.serving.schemas import (
    ClassifyAnswer,
    ClassifyRequest,
    CompareAnswer,
    Compared,
    CompareRequest,
    ErrorAnswer,
    ExplainAnswer,
    ExplainRequest,
    Limits,
    ModelInfo,
    ModelsAnswer,
    Piece,
    Prediction,
    State,
    document_errors,
)
from scripts.serving.service import Service, get_service
from scripts.serving.similarity import compare

router = APIRouter()
ERRORS = document_errors(400, 401, 404, 408, 413, 422, 429, 503)


@router.post("/v1/classify", responses=ERRORS, tags=["texts"])
async def classify(request: ClassifyRequest, service: Service = Depends(get_service)) -> ClassifyAnswer:
    """Classify one text or several with one model."""
    served = service.find_model(request.model)
    texts = [request.texts] if isinstance(request.texts, str) else request.texts
    service.check(texts)
    answer = await service.classify(served, texts)
    return ClassifyAnswer(
        model=served.name,
        milliseconds=to_milliseconds(answer.seconds),
        results=[Prediction(label=decide(cats), probabilities=cats) for cats in answer.cats],
    )


@router.post("/v1/compare", responses=ERRORS, tags=["texts"])
async def compare_models(request: CompareRequest, service: Service = Depends(get_service)) -> CompareAnswer:
    """Classify a text with several models, and tell how near each comes to its teacher."""
    names: List[Optional[str]] = [*(service.models if request.models is None else request.models)]
    chosen = {served.name: served for served in map(service.find_model, names)}
    if not chosen:
        raise RequestError(422, "no_model", "Name at least one model, or leave `models` out.")
    service.check([request.text])
    said: List[Tuple[Served, Cats, float]] = []
    # One after the other, so that none slows another's time.
    for served in chosen.values():
        answer = await service.classify(served, [request.text])
        said.append((served, answer.cats[0], to_milliseconds(answer.seconds)))
    cats_of = {served.name: cats for served, cats, _ in said}
    results = []
    for served, cats, milliseconds in said:
        result = Compared(model=served.name, milliseconds=milliseconds, label=decide(cats), probabilities=cats)
        teacher = find_teacher(service.models, served)
        if teacher is not None and teacher.name in cats_of and teacher is not served:
            result.cosine, result.kl = (round(value, 6) for value in compare(cats, cats_of[teacher.name]))
        results.append(result)
    return CompareAnswer(results=results)


@router.post("/v1/explain", responses=ERRORS, tags=["texts"])
async def explain(request: ExplainRequest, service: Service = Depends(get_service)) -> ExplainAnswer:
    """Tell what each word of a text adds to the logit of a label."""
    served = service.find_model(request.model)
    service.check([request.text], max_characters=service.settings.max_explained)
    label = request.label
    if label is None:
        label = decide((await service.classify(served, [request.text])).cats[0])
    elif label not in served.labels:
        raise RequestError(422, "unknown_label", f"The model has the labels {', '.join(served.labels)}.")
    pieces = await service.batchers[served.name].call(served.explain, request.text, label)
    return ExplainAnswer(
        model=served.name, label=label, pieces=[Piece(text=text, share=round(share, 6)) for text, share in pieces]
    )


@router.get("/v1/models", responses=document_errors(401), tags=["server"])
async def list_models(service: Service = Depends(get_service)) -> ModelsAnswer:
    """List the models and what a request may hold."""
    models = []
    for served in service.models.values():
        teacher = find_teacher(service.models, served)
        models.append(
            ModelInfo(
                name=served.name,
                role=served.role,
                language=str(served.nlp.lang),
                labels=served.labels,
                version=served.nlp.meta["version"],
                size_mb=served.size_mb,
                teacher=teacher.name if teacher is not None and teacher is not served else None,
            )
        )
    settings = service.settings
    limits = Limits(
        texts=settings.max_texts,
        characters=settings.max_characters,
        explained_characters=settings.max_explained,
        body_bytes=settings.max_body,
        file_bytes=settings.max_file,
    )
    return ModelsAnswer(models=models, limits=limits)


@router.get("/healthz", tags=["server"])
async def tell_health() -> State:
    """Whether the server lives: anything but 200 is a reason to start it again."""
    return State(status="ok")


@router.get("/readyz", responses={503: {"model": ErrorAnswer, "description": "The server is about to end"}})
async def tell_readiness(service: Service = Depends(get_service)) -> State:
    """Whether more requests should be sent here."""
    if not service.is_ready():
        raise RequestError(503, "not_ready", "The server is about to end.")
    return State(status="ready")


@router.get("/metrics", responses=document_errors(401), tags=["server"], response_class=Response)
async def tell_metrics(service: Service = Depends(get_service)) -> Response:
    """What Prometheus reads, of all workers."""
    return Response(report(service.metrics), media_type="text/plain; version=0.0.4; charset=utf-8")


def decide(cats: Cats) -> str:
    """The most probable label."""
    return max(cats, key=cats.__getitem__)


def to_milliseconds(seconds: float) -> float:
    """Milliseconds to a hundredth."""
    return round(1000 * seconds, 2)
