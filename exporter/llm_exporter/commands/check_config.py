"""llm-exporter check-config: say everything that is wrong with a configuration file."""

import sys

from llm_exporter.settings import Address, SettingsError, load


def run(file: str) -> int:
    """Check a configuration file with the files it names, and print what is wrong with it to standard error.

    Environment and flags play no part. Returns the exit code: 0 when `serve` would take the file, else 1.
    """
    try:
        settings = load(file, {}, {})
    except SettingsError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        count = len(error.problems)
        print(f"FAILED {file}: {count} problem{'s' if count > 1 else ''}", file=sys.stderr)
        return 1
    listen = settings.listen
    print(
        f"OK {file}: gRPC {_shown(listen.otlp_grpc_address)}, HTTP {_shown(listen.otlp_http_address)}, "
        f"metrics {listen.metrics_address}; {len(settings.budgets)} budgets, {len(settings.slos)} objectives"
    )
    return 0


def _shown(address: Address | None) -> str:
    return "off" if address is None else str(address)
