"""KLARF in both of its syntaxes: files and frames typed by hand, broken files one edit away from their twin."""

from time import process_time

import pytest

from mes.units.formats.detect import read_any
from mes.units.formats.findings import MapRefused
from mes.units.formats.mapfile import BinCodes, Layout

OLD = """FileVersion 1 2;
FileTimestamp 03-14-26 08:00:00;
LotID "L-3";
SampleSize 1 300;
DeviceID "D9";
SampleOrientationMarkType NOTCH;
OrientationMarkLocation DOWN;
DiePitch 1.0000000000e+003 1200.5;
WaferID "W-7";
Slot 11;
ClassLookup 2
 0 "Unknown; or not"
 1 "Particle";
InspectionTest 1;
SampleTestPlan 6
 -1 5
 0 5
 1 5
 -1 6
 0 6 1 6;
AreaPerTest 2.06294e+010;
DefectRecordSpec 10 DEFECTID XREL YREL XINDEX YINDEX XSIZE YSIZE CLASSNUMBER IMAGECOUNT IMAGELIST ;
DefectList
 1 100.500 200.500 0 5 0.5 0.5 1 2
 1 0 2 0
 2 300.000 400.000 0 5 0.6 0.6 1 0 0
 3 300.000 400.000 1 6 0.6 0.6 1 0;
SummarySpec 5 TESTNO NDEFECT DEFDENSITY NDIE NDEFDIE ;
SummaryList
 1 3 1.0000000000e-03 6 2;
WaferID "W-8";
Slot 12;
SampleTestPlan 1
 3 3;
EndOfFile;
"""
NEW = """Record FileRecord  "1.8"
{
  Record LotRecord "L-3"
  {
    Record WaferRecord "W-7"
    {
      Field SlotNumber 1 {11}
      List DefectList
      {
        Columns 8 { int32 DEFECTID,  int32 XREL,  int32 YREL,  int32 XINDEX,
        int32 YINDEX,  int32 CLASSNUMBER,  int32 IMAGECOUNT,  ImageList IMAGEINFO  }
        Data 3
        {
          1 1000 2000 0 5 1 1 Image 1 { "d;1.png" "PNG" 1 "24" } ;
          2 3000 4000 0 5
            2 0 N ;
          3 5000 6000 1 6 2 0 ;
        }
      }
      Record TestRecord "1"
      {
        List SampleTestPlanList
        {
          Columns 2 { int32 XINDEX, int32 YINDEX }
          Data 6
          {
            -1 5 ;
            0 5 ; 1 5 ;
            -1 6 ;
            0 6 ;
            1 6 ;
          }
        }
      }
      Record SummaryRecord
      {
        List TestSummaryList
        {
          Columns 2 { int32 TESTNO, int32 NDEFECT }
          Data 1
          {
            1  3 ;
          }
        }
      }
    }
    Record WaferRecord "W-8"
    {
      Field SlotNumber 1 {12}
      List SampleTestPlanList
      {
        Columns 2 { int32 XINDEX, int32 YINDEX }
        Data 1 {
          3 3 ;
        }
      }
    }
    Field DeviceID 1 {"D9"}
    Field DiePitch 2 {1000000,
                      1200500}
    Field OrientationMarkLocation 1 {"DOWN"}
  }
  Field FileTimestamp 2 {"12-08-2025", "04:57:03"}
}
EndOfFile;
"""
NULL = 0xFFFF
FRAME = [[0, 0, 1], [0, 2, 0]]


def bins(text: str, of: int = 0) -> BinCodes:
    overlay = read_any(text.encode()).substrates[of].overlays[0]
    assert isinstance(overlay, BinCodes)
    return overlay


def edited(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


@pytest.mark.parametrize("text", [OLD, NEW])
def test_defects_are_counted_by_die_in_both_syntaxes(text: str) -> None:
    mapfile = read_any(text.encode())
    assert (mapfile.format, mapfile.discrepancies) == ("KLARF", ())
    assert mapfile.layouts == (
        Layout("Dies", 3, 2, pitch_um=(1000.0, 1200.5), product="D9", top_level=True),
        Layout("Dies 2", 1, 1, pitch_um=(1000.0, 1200.5), product="D9", top_level=True),
    )
    assert [(s.id, s.lot, s.slot, s.type) for s in mapfile.substrates] == [
        ("W-7", "L-3", 11, "Wafer"), ("W-8", "L-3", 12, "Wafer")
    ]  # fmt: skip
    assert (bins(text).name, bins(text).codes.tolist(), bins(text, 1).codes.tolist()) == ("Defects", FRAME, [[0]])
    assert [(d.code, d.description, d.good) for d in bins(text).definitions] == [
        (0, "no defect", False), (1, "1 defect", False), (2, "2 defects", False)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mark", "frame"),
    [("UP", [[0, 2, 0], [1, 0, 0]]), ("LEFT", [[1, 0], [0, 2], [0, 0]]), ("RIGHT", [[0, 0], [2, 0], [0, 1]])],
)
def test_the_notch_is_turned_to_the_bottom(mark: str, frame: list[list[int]]) -> None:
    for text in (OLD, NEW):
        assert bins(edited(text, "DOWN", mark)).codes.tolist() == frame


def test_rows_without_images_may_stand_on_several_lines() -> None:
    plain = OLD.replace(" IMAGELIST", "").replace("10 DEFECTID", "9 DEFECTID").replace(" 1 0 2 0\n", "")
    plain = plain.replace("1 0 0\n", "1 0\n").replace("1 100.500 200.500 0 5", "1 100.500\n200.500 0 5")
    assert bins(plain).codes.tolist() == FRAME


@pytest.mark.parametrize(
    ("old", "new", "code", "frame"),
    [
        (" 1 3 1.0", " 1 4 1.0", "defect-count", FRAME),
        (" 0 6 1 6;", " 0 6;", "defect-off-plan", FRAME),
        ("SampleTestPlan 6\n -1 5\n 0 5\n 1 5\n -1 6\n 0 6 1 6;\n", "", "plan-missing", [[NULL, 1], [2, NULL]]),
        ("OrientationMarkLocation DOWN;\n", "", "orientation-assumed", FRAME),
        ("DiePitch 1.0", "DiePitch x1.0", "size-unread", FRAME),
        ("SampleTestPlan 1\n 3 3;\n", "", "wafer-empty", FRAME),
    ],
)
def test_what_does_not_fit_is_read_and_told(old: str, new: str, code: str, frame: list[list[int]]) -> None:
    text = edited(OLD, old, new)
    assert [found.code for found in read_any(text.encode()).discrepancies] == [code]
    assert bins(text).codes.tolist() == frame


@pytest.mark.parametrize(
    ("text", "old", "new", "code", "place"),
    [
        (OLD, "300.000 400.000 1 6", "300.000 400.000 1 y", "not-a-number", "line 27"),
        (NEW, "5000 6000 1 6", "5000 6000 1.5 6", "not-a-number", "line 17"),
        (NEW, "3 5000 6000 1 6 2 0 ;", "3 5000 6000 ;", "table-broken", "line 17"),
        (OLD, " -1 5\n", " -1000000000 5\n", "not-a-number", "line 16"),
        (OLD, " -1 5\n", " -10000000 5\n", "too-many-positions", "Wafer W-7"),
        (OLD, 'WaferID "W-7";\n', "", "substrate-id", "line 15"),
        (OLD, 'WaferID "W-7";', 'WaferID "";', "substrate-id", "line 9, WaferID"),
        (OLD, "DOWN", "ASIDE", "orientation", "line 7, OrientationMarkLocation"),
        (OLD, "SampleSize", ";" * 300_001 + "SampleSize", "too-large", "the file"),
        (NEW, "2 0 N ;", "2 0 N" + " 9" * 10_001, "table-broken", "line 16"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(text: str, old: str, new: str, code: str, place: str) -> None:
    with pytest.raises(MapRefused) as caught:
        read_any(edited(text, old, new).encode())
    assert (caught.value.code, caught.value.place) == (code, place)


def test_a_file_of_no_wafer_is_refused() -> None:
    with pytest.raises(MapRefused) as caught:
        read_any(b"FileVersion 1 2;\nEndOfFile;\n")
    assert caught.value.code == "no-map"


def test_quotes_that_are_never_closed_take_no_longer_than_others() -> None:
    """Each doubles the ways in which a line may be cut, if all are tried."""
    text = edited(OLD, "SampleSize 1 300;", "SampleSize 1 300; " + '"' * 99_001)
    began = process_time()
    assert bins(edited(text, "SampleOrientationMarkType", ";\nSampleOrientationMarkType")).codes.tolist() == FRAME
    assert process_time() - began < 1
