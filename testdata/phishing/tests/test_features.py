import pandas as pd
import pytest

from src import features


def table(**changes: list[float]) -> pd.DataFrame:
    columns = {name: [0.0, 0.5, 1.0] for name in features.FEATURES}
    columns[features.LABEL] = [0, 1, 1]
    return pd.DataFrame({**columns, **changes})


def test_a_good_table_passes() -> None:
    features.check(table())


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (table().drop(columns="https"), "columns are"),
        (table(extra=[1, 1, 1]), "columns are"),
        (table().iloc[:0], "no rows"),
        (table(https=[0.0, 0.25, 1.0]), "row 2: https is 0.25"),
        (table(https=[0.0, 0.5, None]), "row 3: https is nan"),
        (table(is_phishing=[0, 1, 0.5]), "row 3: is_phishing is 0.5"),
    ],
    ids=["missing", "unknown", "empty", "value", "nan", "label"],
)
def test_a_bad_table_is_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        features.check(frame)
