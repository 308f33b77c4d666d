"""What requests and answers look like: FastAPI checks them by it, and OpenAPI shows it."""

from typing import Any, Dict, List, Optional, Union

from pydantic import BaseModel, ConfigDict, Field

TEXT = "Quiet, quick, and my mother can use it."
OTHER = "Broke after two days, and the shop never replied."


class Closed(BaseModel):
    """A request: a slip in a name is told, not passed over."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ClassifyRequest(Closed):
    """Texts to classify."""

    texts: Union[str, List[str]] = Field(description="One text, or several", examples=[[TEXT, OTHER]])
    model: Optional[str] = Field(None, description="A name that /v1/models lists; the first one if it is not given")


class CompareRequest(Closed):
    """A text that several models classify, one after the other."""

    text: str = Field(examples=[TEXT])
    models: Optional[List[str]] = Field(None, description="Names that /v1/models lists; all if it is not given")


class ExplainRequest(Closed):
    """A text whose words are weighed."""

    text: str = Field(examples=[TEXT])
    model: Optional[str] = Field(None, description="A name that /v1/models lists; the first one if it is not given")
    label: Optional[str] = Field(None, description="The label that they speak for; the predicted one if not given")


class Prediction(BaseModel):
    """What a model says of a text."""

    label: str = Field(description="The most probable label", examples=["POSITIVE"])
    probabilities: Dict[str, float] = Field(examples=[{"NEGATIVE": 0.117, "POSITIVE": 0.883}])


class ClassifyAnswer(BaseModel):
    """What a model says of the texts of a request, in their order."""

    model: str = Field(examples=["en_reviews"])
    milliseconds: float = Field(description="What the model took, for these and texts beside them", examples=[1.4])
    results: List[Prediction]


class Compared(Prediction):
    """What one of several models says."""

    model: str = Field(examples=["en_reviews"])
    milliseconds: float = Field(examples=[1.4])
    cosine: Optional[float] = Field(
        default=None, description="Of its probabilities and its teacher's", examples=[0.998]
    )
    kl: Optional[float] = Field(default=None, description="Divergence from its teacher's, in nats", examples=[0.004])


class CompareAnswer(BaseModel):
    """What several models say of a text."""

    results: List[Compared]


class Piece(BaseModel):
    """A piece of a text."""

    text: str = Field(examples=["Quiet"])
    share: float = Field(description="What it adds to the logit of the label", examples=[0.41])


class ExplainAnswer(BaseModel):
    """The text in pieces: joined, they are the text."""

    model: str = Field(examples=["en_reviews"])
    label: str = Field(examples=["POSITIVE"])
    pieces: List[Piece]


class ModelInfo(BaseModel):
    """A model."""

    name: str = Field(examples=["en_reviews"])
    role: str = Field(description="student, baseline or teacher", examples=["student"])
    language: str = Field(examples=["en"])
    labels: List[str] = Field(examples=[["NEGATIVE", "POSITIVE"]])
    version: str = Field(examples=["0.1.0"])
    size_mb: float = Field(description="Size on disk in megabytes of 10^6 bytes", examples=[3.1])
    teacher: Optional[str] = Field(None, description="The teacher that it is compared with", examples=["en_teacher"])


class Limits(BaseModel):
    """What a request may hold."""

    texts: int = Field(examples=[256])
    characters: int = Field(examples=[20_000])
    explained_characters: int = Field(examples=[2_000])
    body_bytes: int = Field(examples=[2_000_000])
    file_bytes: int = Field(examples=[20_000_000])


class ModelsAnswer(BaseModel):
    """The models of a server, the one that answers by default first."""

    models: List[ModelInfo]
    limits: Limits


class State(BaseModel):
    """Whether a server lives, or is ready."""

    status: str = Field(examples=["ok"])


class ErrorDetail(BaseModel):
    """Why a request is not answered as it asks."""

    code: str = Field(description="For programs", examples=["too_many_texts"])
    message: str = Field(description="For people", examples=["The request has 300 texts; at most 256 are taken."])


class ErrorAnswer(BaseModel):
    """Every error looks like this."""

    error: ErrorDetail


def document_errors(*statuses: int) -> Dict[Union[int, str], Dict[str, Any]]:
    """What OpenAPI says of the errors of a route.

    statuses (int): Those of HTTP.
    RETURNS (Dict): As FastAPI takes it.
    """
    reasons = {
        400: "The body is no JSON in UTF-8",
        401: "The bearer token is missing or wrong",
        404: "There is no such model",
        408: "The request came too slowly",
        413: "The body is too long",
        415: "The type of the file is unknown",
        422: "The request does not fit its schema, or has too many texts, or too long ones",
        429: "Too many texts are waiting; Retry-After says when to come again",
        503: "The answer took too long, or the server is about to end",
    }
    return {status: {"model": ErrorAnswer, "description": reasons[status]} for status in statuses}
