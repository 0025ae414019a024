"""From the start of `python app.py` to a page that answers, by the clock: the median of several."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

from common import ROOT, deliver, parser


def start_once() -> float:
    """Seconds until the page's HTML and its configuration have come."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    app = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                for path in ("", "config"):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=30).read()
                return time.perf_counter() - began
            except (urllib.error.URLError, ConnectionError):
                if app.poll() is not None:
                    raise SystemExit("app.py ended by itself: start it by hand to see why.") from None
                time.sleep(0.05)
    finally:
        app.terminate()
        app.wait(20)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=3, help="starts (default 3)")
    args = options.parse_args()
    seconds = [start_once() for _ in range(max(1, args.runs))]
    deliver(
        {"runs": len(seconds), "median_seconds": statistics.median(seconds), "slowest_seconds": max(seconds)},
        args.json,
    )


if __name__ == "__main__":
    main()
