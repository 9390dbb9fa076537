"""`python -m local.cloudwatch --endpoint http://127.0.0.1:4566`"""

import argparse
import logging
import signal
import sys
from typing import NoReturn

from local.cloudwatch.watcher import watch
from local.engine import REGION


def main() -> NoReturn:
    """Watch until SIGTERM or Ctrl-C, which end the process at once with status 0."""
    parser = argparse.ArgumentParser("python -m local.cloudwatch", description="CloudWatch for the local engine")
    parser.add_argument("--endpoint", required=True, help="where the engine listens")
    parser.add_argument("--region", default=REGION)
    parser.add_argument("--poll-seconds", type=float, default=1.0)
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    watch(options.endpoint, options.region, options.poll_seconds, logging.getLogger("local.cloudwatch"))


if __name__ == "__main__":
    main()
