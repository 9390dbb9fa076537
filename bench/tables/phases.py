"""The command `holdfast`, which also says how long it took until the last item was written, and it began to verify."""

import sys
import time
from collections.abc import Callable
from functools import wraps

WRITTEN = "written after"


def main() -> None:
    """As dynamodump runs, without pyOpenSSL: where it is, botocore loads it."""
    sys.modules["OpenSSL"] = None  # type: ignore[assignment]
    from holdfast.cli import main as command  # noqa: PLC0415
    from holdfast.tables.restore.run import NewTable  # noqa: PLC0415

    NewTable.verify = _told(NewTable.verify)  # type: ignore[method-assign]
    command()


def _told[**P, R](verify: Callable[P, R]) -> Callable[P, R]:
    @wraps(verify)
    def telling(*args: P.args, **kwargs: P.kwargs) -> R:
        print(WRITTEN, time.time(), time.process_time(), flush=True)
        return verify(*args, **kwargs)

    return telling


if __name__ == "__main__":
    main()
