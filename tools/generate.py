"""Generate `gen/` from `proto/`: messages, stubs, types, and the descriptor image.

`buf/validate/validate.proto` ships in no package as source. Its descriptor is
inside `protovalidate`, so protoc reads it from there (`--descriptor_set_in`).
With `--check` nothing is written: exit 1 says that `gen/` is not what the protos
say.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from google.protobuf.message import Message
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).parent.parent
PROTO = ROOT / "proto"
GENERATED = ROOT / "gen"
IMAGE = "ducha.binpb"
VALIDATE = "buf/validate/validate.proto"
PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")


def validate_descriptor() -> bytes:
    """Return a FileDescriptorSet of validate.proto and what it imports."""
    files = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        module.DESCRIPTOR.CopyToProto(files.file.add())
    rules = validate_pb._DESC.proto.to_binary()  # noqa: SLF001 - held nowhere else
    files.file.add().ParseFromString(rules)
    message: Message = files
    return message.SerializeToString()


def protoc(*arguments: str) -> None:
    """Run protoc with the plugins of this environment, whatever PATH says.

    Its errors go to the terminal.

    Raises:
        subprocess.CalledProcessError: a proto is wrong.
    """
    beside = Path(sys.executable).parent
    plugins = [f"--plugin={name}={beside / name}" for name in PLUGINS]
    command = [sys.executable, "-m", "grpc_tools.protoc", *plugins, *arguments]
    subprocess.run(command, check=True)


def generate(target: Path) -> None:
    """Write the generated tree into the empty folder `target`."""
    protos = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    services = [name for name in protos if name.endswith("_service.proto")]
    image = target / IMAGE
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "known.binpb"
        known.write_bytes(validate_descriptor())
        protoc(
            f"--descriptor_set_in={known}",
            f"-I{PROTO}",
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={image}",
            *protos,
        )
    # From here on protoc reads the image: validate.proto is inside it.
    read = f"--descriptor_set_in={image}"
    messages = (f"--python_out={target}", f"--mypy_out=quiet:{target}")
    stubs = (f"--grpc_python_out={target}", f"--mypy_grpc_out=quiet:{target}")
    protoc(read, *messages, *protos, VALIDATE)
    protoc(read, *stubs, *services)


def differences(fresh: Path, kept: Path) -> list[str]:
    """Return the files that differ or stand on one side only, by their path."""
    names = set(_files(fresh)) | set(_files(kept))
    return sorted(name for name in names if _read(fresh / name) != _read(kept / name))


def _files(folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def replace(fresh: Path, kept: Path, names: list[str]) -> None:
    """Make the named files of `kept` as they are in `fresh`; the rest stays."""
    for name in names:
        if not (fresh / name).is_file():
            (kept / name).unlink()
            continue
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(fresh / name, kept / name)


def main(arguments: list[str] | None = None) -> int:
    """Bring `gen/` up to date, or with `--check` only say where it is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        names = differences(fresh, GENERATED)
        if not options.check:
            replace(fresh, GENERATED, names)
    for name in names:
        print(f"gen/{name}: {'is not what the protos say' if options.check else 'new'}")
    if options.check and names:
        print("Run `make gen` and commit what it writes.")
    return int(options.check and bool(names))


if __name__ == "__main__":
    sys.exit(main())
