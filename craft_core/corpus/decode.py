"""From bytes to lines of UTF-8 text: detected or refused with the line number, never guessed in silence."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import NamedTuple

from craft_core.corpus.files import InputFile, Reading, chunks, head
from craft_core.errors import DataError

__all__ = ["TextBlock", "text_blocks", "text_encoding", "without_trailing_blank_lines"]

MAX_LINE = 64 * 2**20
MAX_HELD = 2**20  # of blank lines that may be the last; holding back more would cost the square of their number

# UTF-32 comes first: its little-endian mark begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_NO_TEXT = {b"\x1f\x8b": "a gzip file", b"PAR1": "a Parquet file", b"PK\x03\x04": "a zip or Excel file", b"%PDF": "a PDF file"}


class TextBlock(NamedTuple):
    """Some whole lines of UTF-8 text, each ended by a newline, and the number in the file of the first (from 1)."""

    text: bytes
    line: int


def text_encoding(file: InputFile, named: str | None) -> str:
    """Return the codec a text file is read with: its byte-order mark's, else the one named, else UTF-8.

    Raises
    ------
    DataError
        If the file is of a known binary format, or UTF-16 without a byte-order mark.
    """
    start = head(file)
    for mark, codec in _MARKS.items():
        if start.startswith(mark):
            return codec
    for magic, what in _NO_TEXT.items():
        if start.startswith(magic):
            raise DataError(f"{file.label} is {what}, not text. Give the file the suffix of its format.")
    if named is not None:
        return codecs.lookup(named).name
    # Latin text in UTF-16 is also valid UTF-8, with a zero between any two letters.
    for codec, zeros in (("utf-16-le", start[1:8:2]), ("utf-16-be", start[0:8:2])):
        if len(start) >= 8 and zeros == b"\0\0\0\0" and start[:8].strip(b"\0"):
            raise DataError(f"{file.label} looks like {codec} text. If it is, name its encoding (--encoding {codec}).")
    return "utf-8"


def text_blocks(file: InputFile, codec: str, reading: Reading) -> Iterator[TextBlock]:
    r"""Yield the lines of a text file as UTF-8, in blocks. Lines end at "\n" only, as U+2028 and the like may stand in a sentence.

    Raises
    ------
    DataError
        At the first byte that is not text in this encoding, and for a line over 64 MiB.
    """
    line, carry = 1, b""
    for chunk in _utf8_chunks(file, codec, reading):
        end = chunk.rfind(b"\n") + 1
        if end:
            block, carry = carry + chunk[:end], chunk[end:]
            _check_utf8(block, line, file)
            yield TextBlock(block, line)
            line += block.count(b"\n")
        else:
            carry += chunk
        if len(carry) > MAX_LINE:
            raise DataError(f"{file.label}, line {line:,}: longer than {MAX_LINE:,} bytes. Give text with one pair a line.")
    if carry:
        _check_utf8(carry, line, file)
        yield TextBlock(carry + b"\n", line)


def without_trailing_blank_lines(blocks: Iterator[TextBlock]) -> Iterator[TextBlock]:
    """Drop the blank lines at the end of a file, which are no rows; those before it stay."""
    held = TextBlock(b"", 1)
    for block in blocks:
        start = block.line if not held.text else held.line
        end = block.text.find(b"\n", len(block.text.rstrip(b"\r\n"))) + 1 if block.text.strip(b"\r\n") else 0
        if end:
            yield TextBlock(held.text + block.text[:end], start)
            held = TextBlock(block.text[end:], block.line + block.text.count(b"\n", 0, end))
        elif len(held.text) > MAX_HELD:
            yield held
            held = block
        else:
            held = TextBlock(held.text + block.text, start)


def _utf8_chunks(file: InputFile, codec: str, reading: Reading) -> Iterator[bytes]:
    parts = chunks(file, reading) if codec == "utf-8" else _transcoded(file, codec, reading)
    yield next(parts, b"").removeprefix(codecs.BOM_UTF8)
    yield from parts


def _transcoded(file: InputFile, codec: str, reading: Reading) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)()
    line = 1
    try:
        for chunk in chunks(file, reading):
            text = decoder.decode(chunk).encode()
            yield text
            line += text.count(b"\n")
        yield decoder.decode(b"", final=True).encode()
    except UnicodeDecodeError as error:
        line += error.object[: error.start].decode(codec, "ignore").count("\n")
        raise _refusal(file, line, codec, error.object[error.start :], "Name the encoding the file really has.") from error
    except UnicodeEncodeError as error:
        line += str(error.object)[: error.start].count("\n")
        raise DataError(f"{file.label}, line {line:,}: half a surrogate pair, which is no character. Mend the file.") from error


def _check_utf8(block: bytes, line: int, file: InputFile) -> None:
    try:
        block.decode()
    except UnicodeDecodeError as error:
        line += block.count(b"\n", 0, error.start)
        raise _refusal(file, line, "UTF-8", block[error.start :], _hint(block)) from error


def _refusal(file: InputFile, line: int, codec: str, rest: bytes, hint: str) -> DataError:
    return DataError(f"{file.label}, line {line:,}: byte 0x{rest[0]:02X} is not {codec} text. {hint}")


def _hint(block: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(block[: 2**16]).best()
    if best is None or best.encoding.startswith("utf_8"):
        return "Convert the file to UTF-8, or name its encoding (--encoding)."
    name = best.encoding.replace("_", "-")
    return f"Convert the file to UTF-8, or name its encoding; it may be {name} (--encoding {name})."
