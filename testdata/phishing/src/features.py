"""The columns of the data: nine observations of a web page and the label."""

from __future__ import annotations

import pandas as pd

LABEL = "is_phishing"
FEATURES = (
    "empty_server_form_handler",
    "popup_window",
    "https",
    "request_from_other_domain",
    "anchor_from_other_domain",
    "is_popular",
    "long_url",
    "age_of_domain",
    "ip_in_url",
)


def check(frame: pd.DataFrame) -> None:
    """Refuse a table that the model was not made for.

    Every feature is graded 0, 0.5 or 1 by the authors of the data, and the label is 0 or 1.
    Raises ValueError that names the columns, or the column and the value, that do not fit.
    """
    expected = [*FEATURES, LABEL]
    if list(frame.columns) != expected:
        raise ValueError(f"columns are {list(frame.columns)}, expected {expected}")
    if frame.empty:
        raise ValueError("no rows")
    for name in expected:
        allowed = (0.0, 1.0) if name == LABEL else (0.0, 0.5, 1.0)
        strange = frame.loc[~frame[name].isin(allowed), name]
        if not strange.empty:
            raise ValueError(
                f"row {strange.index[0] + 1}: {name} is {strange.iloc[0]}, expected one of {allowed}"
            )
