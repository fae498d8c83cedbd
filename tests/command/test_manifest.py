"""Manifests: what a row may be, and how each fault is named by its line and field. No loop and no gateway."""

import json
import tracemalloc

import pytest
from hypothesis import strategies as st
from tables import few_and_many

from kling_elements_async import ConfigurationError, Images, Tag, Video
from kling_elements_async.manifest.file import Manifest
from kling_elements_async.manifest.row import FIELDS, Row, in_fields, structured

FOX = {"name": "fox", "description": "a fox", "frontal": "front.png", "others": ["side.png"]}
PICTURE = "iVBORw0KGgo" + "A" * 4000


@pytest.fixture
def read(tmp_path):
    """Write a manifest and read it: (line, row or problems) of each entry."""

    def of(text, ending=".jsonl", limit=None):
        file = tmp_path / f"shots{ending}"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return [(entry.line, entry.row or list(entry.problems)) for entry in Manifest(file, limit).entries()]

    return of


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def test_json_lines_and_csv_say_the_same(read):
    """All eight fields, in a list or between semicolons."""
    full = FOX | {
        "others": ["side.png", "https://e.com/b.png"],
        "tags": ["animal", "prop"],
        "voice": "v",
        "id": "a",
    }
    clip = {"name": "clip", "description": "a clip", "video": "https://e.com/a.mp4"}
    header = "name,description,frontal,others,video,tags,voice,id\r\n"
    rows = "fox,a fox,front.png,side.png; https://e.com/b.png,,animal;prop,v,a\r\nclip,a clip,,,https://e.com/a.mp4\r\n"
    from_json, from_csv = read(lines(full, clip)), read(header + rows, ".csv")
    assert [row for _, row in from_json] == [row for _, row in from_csv]
    assert [line for line, _ in from_json] == [1, 2]
    assert [line for line, _ in from_csv] == [2, 3]
    assert from_json[0][1].tags == (Tag.ANIMAL, Tag.PROP)


def test_paths_begin_at_the_folder_and_links_stay_links(tmp_path):
    """Wherever the command runs."""
    spec = structured(FOX | {"others": ["https://e.com/a.png", "/b.png"], "id": "a"}).spec(
        tmp_path, carries_id=True
    )
    assert spec.reference.frontal == tmp_path / "front.png"
    assert spec.reference.others == ("https://e.com/a.png", tmp_path.joinpath("/b.png"))
    assert isinstance(spec.reference, Images)
    assert spec.external_task_id == "a"


def test_a_video_is_a_link_and_an_id_is_a_label_where_no_gateway_carries_it(tmp_path):
    """The spec then has no external id."""
    row = Row("clip", "a clip", video="https://e.com/a.mp4", id="a")
    spec = row.spec(tmp_path, carries_id=False)
    assert spec.reference == Video("https://e.com/a.mp4")
    assert spec.external_task_id is None


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"name": None}, ["name: is missing"]),
        ({"name": 5}, ["name: must be text"]),
        ({"others": "side.png"}, ["others: must be a list"]),
        ({"others": ["a.png", 5, ""]}, ["others[1]: must be text", "others[2]: is empty"]),
        ({"frontal": PICTURE}, ["frontal: is a picture as text; a manifest names files and links"]),
        (
            {"frontal": f"data:image/png;base64,{PICTURE}"},
            ["frontal: is a picture as text; a manifest names files and links"],
        ),
        ({"frontal": "x" * 1001}, ["frontal: is a picture as text; a manifest names files and links"]),
        ({"frontal": None}, ["frontal: is missing, and so is video"]),
        ({"video": "https://e.com/a.mp4"}, ["video: goes without frontal and others"]),
        ({"id": 7, "voice": []}, ["voice: must be text", "id: must be text"]),
        ({"tags": ["animal", PICTURE]}, [f"tags[1]: is no tag; there are {', '.join(Tag)}"]),
        ({"tags": [{}]}, [f"tags[0]: is no tag; there are {', '.join(Tag)}"]),
        ({"tags": ["anmal"]}, [f"tags[0]: is no tag; there are {', '.join(Tag)}; did you mean animal?"]),
        ({"tag": []}, [f"tag: no such field; there are {', '.join(FIELDS)}; did you mean tags?"]),
        ({"Name": "x", "b": 1}, [f"Name, b: no such field; there are {', '.join(FIELDS)}"]),
    ],
)
def test_each_fault_names_its_field_and_shows_no_value(read, changes, problems):
    """A value may be a picture, or a link with a signature."""
    assert read(lines(FOX | changes)) == [(1, problems)]


def test_a_fault_keeps_its_line_and_the_rows_after_it_are_read(read):
    """Empty lines count, and are no rows."""
    text = lines(FOX).encode() + b"\n{\n[1]\n\xff\xfe\n" + b"[" * 100_000 + b"\n" + lines(FOX).encode()
    entries = read(text)
    assert [line for line, _ in entries] == [1, 3, 4, 5, 6, 7]
    assert [problems for _, problems in entries[1:-1]] == [
        ["row: is no JSON: Expecting property name enclosed in double quotes at column 2"],
        ["row: is no JSON object"],
        ["row: is no UTF-8"],
        ["row: is no JSON that can be read"],
    ]
    assert entries[0][1] == entries[-1][1]


def test_a_line_without_end_ends_the_reading(read):
    """A picture or a disk under the name of a manifest does not fill the memory."""
    ((line, (problem,)),) = read("x" * 1_100_000)
    assert line == 1
    assert problem.startswith("row: is longer than 1,000,000 characters")


def test_csv_from_a_spreadsheet(read):
    """A byte order mark, a cell of two lines, empty rows at the end: each row keeps the line that it begins in."""
    text = '\ufeffname,description,frontal,others\n"fox","a\nfox",f.png,s.png\nbear,a bear,f.png,s.png\n,,,\n\n'
    entries = read(text, ".csv")
    assert [(line, row.description) for line, row in entries] == [(2, "a\nfox"), (4, "a bear")]


def test_faulty_rows_of_csv(read):
    """Too many cells, half a quote, no UTF-8."""
    text = b'name,description,frontal,others\na,b,c,d,e\n"a"b,c\na,\xe4,c,d\na,b,f.png,s.png\n"a'
    assert read(text, ".csv")[:3] == [
        (2, ["row: has 5 cells; the header has 4"]),
        (3, ["row: is no CSV: ',' expected after '\"'"]),
        (4, ["row: is no UTF-8"]),
    ]
    assert [line for line, _ in read(text, ".csv")] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("header", "problems"),
    [
        ("", ["header: is missing; its columns are name, description, frontal, others, video, tags, voice, id"]),
        ("name;description;frontal", ["header: its columns stand between commas, not semicolons"]),
        ("name,id,id", ["description: is no column of the header", "id: is there twice"]),
        (
            "name,description,frontl",
            [f"frontl: no such column; there are {', '.join(FIELDS)}; did you mean frontal?"],
        ),
        ("name,description,picture", [f"picture: no such column; there are {', '.join(FIELDS)}"]),
    ],
)
def test_a_wrong_header_is_one_fault_and_not_one_for_each_row(read, header, problems):
    """Nothing below it is read."""
    assert read(f"{header}\n" + "a,b,c\n" * 5 * bool(header), ".csv") == [(1, problems)]


def test_the_limit_counts_rows(read):
    """Faulty ones too; empty lines do not count."""
    assert [line for line, _ in read("\n\n{\n" + lines(FOX, FOX), limit=2)] == [3, 4]


def test_the_ending_decides(tmp_path):
    """Another is refused before the file is opened."""
    for name in ("a.jsonl", "a.ndjson", "a.json-lines", "a.csv", "A.CSV"):
        Manifest(tmp_path / name, None)
    with pytest.raises(ConfigurationError, match="must end in one of"):
        Manifest(tmp_path / "a.json", None)


def test_a_manifest_is_read_row_by_row(tmp_path):
    """Its size does not show in memory."""
    file = tmp_path / "long.jsonl"
    file.write_text(lines(*[FOX | {"description": "d" * 500}] * 2000))
    tracemalloc.start()
    try:
        assert sum(1 for _ in Manifest(file, None).entries()) == 2000
        assert tracemalloc.get_traced_memory()[1] < 300_000 < file.stat().st_size
    finally:
        tracemalloc.stop()


def test_problems_of_a_spec_are_said_in_fields():
    """The library speaks of references, a manifest of columns."""
    assert in_fields("reference.others[1]: is small: 3 px") == "others[1]: is small: 3 px"
    assert in_fields("external_task_id: x") == "id: x"
    assert in_fields("name: is empty") == "name: is empty"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@few_and_many(8, 25, st.dictionaries(st.sampled_from(FIELDS) | st.text(), json_values))
def test_any_json_is_a_row_or_a_list_of_its_faults(record):
    """Nothing else comes out, whatever went in."""
    found = structured(record)
    assert isinstance(found, Row) or all(": " in problem for problem in found)
