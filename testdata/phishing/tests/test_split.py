import pathlib

import split

DATA = pathlib.Path(__file__).parents[1] / "data"


def test_the_committed_files_follow_the_rule() -> None:
    for name, side in (("train.csv", False), ("held-out.csv", True)):
        rows = (DATA / name).read_text().splitlines()[1:]
        assert rows
        assert {split.held_out(row) for row in rows} == {side}


def test_the_label_does_not_choose_the_side() -> None:
    page = "0.0,0.0,0.0,0.0,0.0,0.5,1.0,1,1,"
    assert split.held_out(page + "0") is split.held_out(page + "1")
