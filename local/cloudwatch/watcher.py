"""The loop: follow the log groups, evaluate the alarms, change their states, and call the functions they name."""

import json
import logging
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.cloudwatch import published, queues
from local.cloudwatch.alarm import Alarm, AlarmState, AlarmUnsupported, read_alarm, read_state
from local.cloudwatch.evaluation import evaluate, range_seconds
from local.cloudwatch.extract import MetricFilter, emf_samples, filter_samples, read_filter
from local.cloudwatch.metric import Metrics, Sample, Series
from local.cloudwatch.notice import lambda_event
from local.cloudwatch.pattern import PatternUnsupported
from local.cloudwatch.reason import new_state
from local.cloudwatch.tail import Tail
from local.engine import sdk

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricAlarmTypeDef
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sqs import SQSClient

REFRESH_SECONDS: Final = 3
"""How often filters, alarms and log groups are looked up, and the groups without a metric filter read."""

HISTORY_SECONDS: Final = 900
"""How far back a log group is read at first sight, at least."""


_NEW: Final = "Unchecked: Initial alarm creation"
_ENGINES_OWN: Final = re.compile(r"Threshold Crossed: \S+ \S+ \w+Threshold ")


class Clients(NamedTuple):
    """The services that are spoken to."""

    logs: "CloudWatchLogsClient"
    cloudwatch: "CloudWatchClient"
    functions: "LambdaClient"
    queues: "SQSClient"


def watch(endpoint_url: str, region: str, poll_seconds: float, log: logging.Logger) -> NoReturn:
    """Watch the engine at that address until the process ends. The engine may come later, go, and come back."""
    session = sdk()
    config = Config(proxies={}, connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1})
    watcher = Watcher(
        Clients(
            session.client("logs", region, endpoint_url=endpoint_url, config=config),
            session.client("cloudwatch", region, endpoint_url=endpoint_url, config=config),
            session.client("lambda", region, endpoint_url=endpoint_url, config=config),
            session.client("sqs", region, endpoint_url=endpoint_url, config=config),
        ),
        log,
    )
    trouble = ""
    while True:
        try:
            watcher.poll(time.time())
            trouble = ""
        except (BotoCoreError, ClientError) as fault:
            if str(fault) != trouble:
                log.warning("cannot watch for now: %s", fault)
            trouble = str(fault)
        time.sleep(poll_seconds)


class Watcher:
    """Everything that is known of the engine from one poll to the next."""

    def __init__(self, clients: Clients, log: logging.Logger) -> None:
        self._clients = clients
        self._log = log
        self._told: set[str] = set()
        self._refreshed = 0.0
        self._forget()

    def _forget(self) -> None:
        self._filters: dict[str, list[MetricFilter]] = {}
        self._alarms: list[Alarm] = []
        self._states: dict[str, AlarmState] = {}
        self._tails: dict[str, Tail] = {}
        self._measured = Metrics()
        self._published: dict[str, Series] = {}

    def poll(self, now: float) -> None:
        """One round at `now`, in seconds since the epoch. Raises botocore's errors when the engine does not answer."""
        if refresh := now - self._refreshed >= REFRESH_SECONDS:
            self._refresh(now)
        for group in list(self._tails):
            if refresh or group in self._filters:
                self._read(group, now)
        for alarm in self._alarms:
            self._evaluate(alarm, now)

    # --- What there is to watch

    def _refresh(self, now: float) -> None:
        self._refreshed = now
        described = list(self._describe_alarms())
        self._alarms = list(self._readable(read_alarm, described))
        if not self._alarms:
            self._forget()
            return
        states = {alarm["AlarmName"]: read_state(alarm) for alarm in described}
        for alarm in self._alarms:
            self._notice_foreign_change(alarm, states[alarm.name])
        self._states = {alarm.name: self._states[alarm.name] for alarm in self._alarms}
        self._filters = self._describe_filters()
        history = max([HISTORY_SECONDS, *map(range_seconds, self._alarms)])
        self._tails = {group: self._tails.get(group) or Tail(group, now - history) for group in self._log_groups()}
        self._measured.forget(now - history)
        self._measured.add(queues.depths(self._clients.queues, {alarm.metric for alarm in self._alarms}, now))
        there = published.listed(self._clients.cloudwatch)
        self._published = published.read(
            self._clients.cloudwatch, [alarm for alarm in self._alarms if alarm.metric in there], now
        )

    def _describe_alarms(self) -> "Iterator[MetricAlarmTypeDef]":
        paginator = self._clients.cloudwatch.get_paginator("describe_alarms")
        for page in paginator.paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
            yield from page["MetricAlarms"]
            for composite in page["CompositeAlarms"]:
                self._tell_once(f"alarm {composite['AlarmName']} is composite: of its actions, only SNS topics are run")

    def _describe_filters(self) -> dict[str, list[MetricFilter]]:
        filters = defaultdict(list)
        pages = self._clients.logs.get_paginator("describe_metric_filters").paginate()
        for metric_filter in self._readable(read_filter, chain.from_iterable(page["metricFilters"] for page in pages)):
            filters[metric_filter.group].append(metric_filter)
        return filters

    def _log_groups(self) -> set[str]:
        pages = self._clients.logs.get_paginator("describe_log_groups").paginate()
        return {group["logGroupName"] for page in pages for group in page["logGroups"]}

    def _readable[Described, Read](
        self, read: Callable[[Described], Read], items: Iterable[Described]
    ) -> Iterator[Read]:
        """What can be understood; the rest is named in the log, once."""
        for item in items:
            try:
                yield read(item)
            except (AlarmUnsupported, PatternUnsupported) as refusal:
                self._tell_once(str(refusal))

    def _tell_once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._log.warning("%s", message)

    # --- Logs

    def _read(self, group: str, now: float) -> None:
        try:
            events = self._tails[group].read(self._clients.logs, now)
        except self._clients.logs.exceptions.ResourceNotFoundException:
            del self._tails[group]
            return
        for event in events:
            at = event["timestamp"] / 1000
            self._measured.add(emf_samples(event["message"], at))
            for metric_filter in self._filters.get(group, ()):
                if event["ingestionTime"] >= metric_filter.created:
                    self._measured.add(filter_samples(metric_filter, event["message"], at))

    # --- Alarms

    def _evaluate(self, alarm: Alarm, now: float) -> None:
        sources = self._measured.of(alarm.metric), self._published.get(alarm.name, Series())

        def window(start: int, end: int) -> Iterator[Sample]:
            return chain.from_iterable(source.window(start, end, alarm.unit) for source in sources)

        verdict = evaluate(alarm, window, now)
        previous = self._states[alarm.name]
        if verdict.state is None or verdict.state == previous.value:
            return
        state = new_state(alarm, verdict.state, verdict, datetime.fromtimestamp(now, UTC))
        try:
            self._clients.cloudwatch.set_alarm_state(
                AlarmName=alarm.name,
                StateValue=state.value,
                StateReason=state.reason,
                StateReasonData=state.data or "",
            )
        except ClientError as fault:
            self._log.warning("alarm %s cannot go to %s: %s", alarm.name, state.value, fault)
            return
        self._change(alarm, previous, state)

    def _notice_foreign_change(self, alarm: Alarm, described: AlarmState) -> None:
        """A state that someone has set by hand has its actions too, and lasts until the next evaluation.

        The engine's own evaluation, at each PutMetricData, goes by other rules: its state is not taken over.
        """
        known = self._states.setdefault(alarm.name, described)
        if described.reason == _NEW:
            self._states[alarm.name] = described
        elif known.value != described.value and not _ENGINES_OWN.match(described.reason):
            self._change(alarm, known, described)

    def _change(self, alarm: Alarm, previous: AlarmState, state: AlarmState) -> None:
        self._states[alarm.name] = state
        self._log.info("alarm %s: %s -> %s: %s", alarm.name, previous.value, state.value, state.reason)
        for action in alarm.actions_on(state.value):
            self._act(alarm, action, previous, state)

    def _act(self, alarm: Alarm, action: str, previous: AlarmState, state: AlarmState) -> None:
        service = action.split(":")[2]
        if service == "sns":
            return  # The engine publishes by itself when a state changes.
        if service != "lambda":
            self._tell_once(f"alarm {alarm.name}: the action {action} is not run here")
            return
        try:
            self._clients.functions.invoke(
                FunctionName=action,
                InvocationType="Event",
                Payload=json.dumps(lambda_event(alarm, previous, state)),
            )
        except (BotoCoreError, ClientError) as fault:
            self._log.warning("alarm %s: the action %s failed: %s", alarm.name, action, fault)
