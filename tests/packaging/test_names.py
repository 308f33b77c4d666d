import pytest

from scripts.files import UserError
from scripts.packaging.names import check_package


@pytest.mark.parametrize("name", ["reviews", "Sentiment", "my__reviews", "r", "R2D2", "class", "english", "enreviews"])
def test_a_name_of_letters_digits_and_underscores_is_taken(name: str) -> None:
    check_package("en", name, "0.1.0")


@pytest.mark.parametrize(
    "name",
    ["", "my-reviews", "my reviews", "my.reviews", "2024", "_x", "x_", "rezensiön", "名前", "a" * 81, "x\n", "../x"],
)
def test_a_name_that_cannot_be_imported_is_an_error(name: str) -> None:
    with pytest.raises(UserError, match="is no name for a package"):
        check_package("en", name, "0.1.0")


@pytest.mark.parametrize("name", ["en_reviews", "EN_reviews"])
def test_a_name_that_repeats_the_language_is_an_error(name: str) -> None:
    with pytest.raises(UserError, match=r"begins with the language.*--vars.name reviews"):
        check_package("en", name, "0.1.0")
    check_package("de", name, "0.1.0")


@pytest.mark.parametrize(
    "version", ["0.1.0", "1.10.0", "2026.11.28", "1.2.3.4", "1.0.0rc1", "1.0.0.post1", "1.0.0.dev2"]
)
def test_a_version_of_three_numbers_is_taken(version: str) -> None:
    check_package("en", "reviews", version)


@pytest.mark.parametrize("version", ["1.1", "1.10", "1", "1000.0", "1.0rc1"])
def test_a_version_that_may_have_been_read_as_a_number_is_an_error(version: str) -> None:
    with pytest.raises(UserError, match=rf"'{version}' has fewer than three numbers"):
        check_package("en", "reviews", version)


@pytest.mark.parametrize(
    ("version", "canonical"),
    [("1.0.0-rc.1", "write it 1.0.0rc1"), ("v1.0.0", "write it 1.0.0"), ("01.2.3", "write it 1.2.3")]
    + [(version, "use three numbers") for version in ("", "latest", "true", "1.2.3 4", "1.2.3/..", "-1", "[1]")],
)
def test_a_version_that_pip_would_write_otherwise_is_an_error(version: str, canonical: str) -> None:
    with pytest.raises(UserError, match=f"is no version for a package: {canonical}"):
        check_package("en", "reviews", version)
