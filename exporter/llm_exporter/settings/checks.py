"""What can only be told from several keys together."""

import bisect
import re
import ssl

from llm_exporter.pricing.overrides import PricesFileError, load_overrides
from llm_exporter.settings.objectives import SLO_HISTOGRAMS
from llm_exporter.settings.problem import SettingsError
from llm_exporter.settings.reading import Reading
from llm_exporter.settings.schema import LABELS, Settings
from llm_exporter.settings.source import read_bounded

MAX_TOKEN_BYTES = 4096
PERSONAL = re.compile(
    r"(^|[._])(user|enduser|session|conversation|thread|trace|request)[._]id$|e-?mail|password|token$"
)
CONTENT = re.compile(r"(^|[._])(prompt|completion|messages|content|(input|output)\.value)$")
"""Attribute keys that say who or which one, and those that hold what was said: neither is ever a label."""


def check(settings: Settings, reading: Reading) -> None:
    """Note in `reading` whatever is impossible. A check whose keys were already refused stays silent."""
    for one in (
        _listeners,
        _sizes,
        _token,
        _tls,
        _labels,
        _discounts,
        _prices,
        _prompts,
        _budgets,
        _slos,
        _baselines,
        _qrels,
    ):
        one(settings, reading)


def _listeners(settings: Settings, reading: Reading) -> None:
    if not reading.sound("listen"):
        return
    listen = settings.listen
    if listen.otlp_grpc_address is None and listen.otlp_http_address is None:
        reading.problem(
            "listen", "both OTLP addresses are off", "at least one of otlp_grpc_address, otlp_http_address"
        )
    seen: dict[object, str] = {}
    for name in ("otlp_grpc_address", "otlp_http_address", "metrics_address"):
        address = getattr(listen, name)
        if address is None or not address.port:
            continue
        if address in seen:
            reading.problem(
                f"listen.{name}", f"value {address} is taken by {seen[address]}", "an address for each"
            )
        seen.setdefault(address, name)


def _sizes(settings: Settings, reading: Reading) -> None:
    receive = settings.receive
    keys = ("receive.max_request_bytes", "receive.max_inflight_bytes")
    if all(map(reading.sound, keys)) and receive.max_inflight_bytes < receive.max_request_bytes:
        reading.problem(
            "receive.max_inflight_bytes",
            f"value {receive.max_inflight_bytes} is less than one request may have",
            f"at least max_request_bytes, {receive.max_request_bytes}",
        )


def _token(settings: Settings, reading: Reading) -> None:
    path = settings.receive.bearer_token_file
    if path is None or not reading.sound("receive.bearer_token_file"):
        return
    try:
        token = read_bounded(path, MAX_TOKEN_BYTES).strip()
    except OSError as error:
        wrong = f"reading the file failed: {error.strerror or error}"
    else:
        if token and all(0x21 <= byte <= 0x7E for byte in token):
            return
        wrong = "the file does not hold a token"
    reading.problem(
        "receive.bearer_token_file", wrong, "one line of printable ASCII without spaces, up to 4096 bytes"
    )


def _tls(settings: Settings, reading: Reading) -> None:
    certificate, private = settings.receive.tls_cert_file, settings.receive.tls_key_file
    if not reading.sound("receive.tls_cert_file") or not reading.sound("receive.tls_key_file"):
        return
    if (certificate is None) != (private is None):
        given, missing = (
            ("tls_key_file", "tls_cert_file") if certificate is None else ("tls_cert_file", "tls_key_file")
        )
        reading.problem(f"receive.{given}", f"{missing} is missing", "both files or none")
    elif certificate is not None:
        try:
            # The password keeps OpenSSL from asking for one on the terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private, password="")
        except (ssl.SSLError, OSError) as error:
            reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            reading.problem(
                "receive.tls_cert_file",
                f"the pair of files cannot be used: {reason or 'OpenSSL cannot read them'}",
                "a PEM certificate chain and its private key without passphrase",
            )


def _labels(settings: Settings, reading: Reading) -> None:
    if not reading.sound("labels"):
        return
    for name, label in settings.labels.items():
        if label.extra_attributes and not LABELS[name].attributes:
            own = ", ".join(label.name for label in LABELS.values() if label.attributes)
            wrong = "the label does not come from an attribute of its own"
            reading.problem(f"labels.{name}.extra_attributes", wrong, f"on {own}")
        for index, attribute in enumerate(label.extra_attributes):
            if PERSONAL.search(attribute) or CONTENT.search(attribute):
                reading.problem(
                    f"labels.{name}.extra_attributes[{index}]",
                    f"value {attribute} is not allowed",
                    "attributes with few values that identify nobody and quote nothing",
                )


def _discounts(settings: Settings, reading: Reading) -> None:
    if not reading.sound("pricing.discounts"):
        return
    for index, discount in enumerate(settings.pricing.discounts):
        if discount.from_ and discount.until and discount.from_ >= discount.until:
            reading.problem(
                f"pricing.discounts[{index}].until",
                f"value {discount.until} is not allowed",
                f"a day after {discount.from_}",
            )


def _prices(settings: Settings, reading: Reading) -> None:
    if settings.pricing.prices_file is None or not reading.sound("pricing.prices_file"):
        return
    try:
        load_overrides(settings.pricing.prices_file)
    except (OSError, PricesFileError) as error:
        reading.problem("pricing.prices_file", f"the file cannot be used: {error}", "")


def _prompts(settings: Settings, reading: Reading) -> None:
    if not reading.sound("prompts.registry_file"):
        return
    try:
        settings.prompts.registry()
    except SettingsError as error:
        reading.problems.extend(error.problems)


def _qrels(settings: Settings, reading: Reading) -> None:
    if not reading.sound("evaluations.qrels_file"):
        return
    try:
        settings.evaluations.qrels()
    except SettingsError as error:
        reading.problems.extend(error.problems)


def _baselines(settings: Settings, reading: Reading) -> None:
    if not reading.sound("evaluations.baseline_file"):
        return
    try:
        settings.evaluations.baselines()
    except SettingsError as error:
        reading.problems.extend(error.problems)


def _budgets(settings: Settings, reading: Reading) -> None:
    if not reading.sound("budgets"):
        return
    seen: dict[tuple[str, str, str], int] = {}
    for index, budget in enumerate(settings.budgets):
        path = f"budgets[{index}]"
        if (budget.scope == "total") != (not budget.name):
            allowed = "none for scope total" if budget.name else f"the {budget.scope} that the budget is for"
            reading.problem(f"{path}.name", "the name does not fit the scope", allowed)
        first = seen.setdefault((budget.scope, budget.name, budget.period), index)
        if first != index:
            reading.problem(
                path, f"the same scope, name and period as budgets[{first}]", "one limit for each"
            )


def _slos(settings: Settings, reading: Reading) -> None:
    if not reading.sound("slos"):
        return
    seen: dict[str, int] = {}
    for index, slo in enumerate(settings.slos):
        path = f"slos[{index}]"
        first = seen.setdefault(slo.name, index)
        if first != index:
            reading.problem(f"{path}.name", f"the same name as slos[{first}]", "a name for each")
        histogram = SLO_HISTOGRAMS.get(slo.kind)
        if (histogram is None) != (slo.threshold_seconds is None):
            allowed = f"none for {slo.kind}" if histogram is None else f"a bucket bound of {histogram.name}"
            reading.problem(
                f"{path}.threshold_seconds", f"the threshold does not fit the kind {slo.kind}", allowed
            )
        elif (
            histogram is not None
            and slo.threshold_seconds is not None
            and reading.sound("exposition.buckets")
        ):
            bounds = settings.exposition.buckets.get(histogram.name, histogram.buckets)
            _threshold(f"{path}.threshold_seconds", slo.threshold_seconds, histogram.name, bounds, reading)


def _threshold(
    path: str, threshold: float, histogram: str, bounds: tuple[float, ...], reading: Reading
) -> None:
    if threshold in bounds:
        return
    above = bisect.bisect(bounds, threshold)
    nearest = " and ".join(f"{bound:g}" for bound in bounds[max(above - 1, 0) : above + 1])
    reading.problem(
        path,
        f"value {threshold:g} is not allowed",
        f"a bucket bound of {histogram}, nearest {nearest}",
        f"add it to exposition.buckets.{histogram} for another",
    )
