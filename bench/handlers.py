"""Handlers in this process as Lambda runs them, on AWS in memory."""

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from inspect import signature
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from bench import stack
from holdfast import wiring
from local.cloud import ROOT
from local.handler import Context

REGION = "us-east-1"

LAMBDA = {
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "_LAMBDA_TIMEOUT": "60",
    "_X_AMZN_TRACE_ID": "Root=1-65f1f6c7-5b2f6a1c2a3b4c5d6e7f8091;Parent=92411a02e0d2a1b9;Sampled=0",
}

type Handler = Callable[[Mapping[str, Any], Context], object]


def session() -> boto3.Session:
    """A new default session, so that the clients made from now on have its hooks."""
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION
    return boto3.DEFAULT_SESSION


@contextmanager
def account() -> Iterator[None]:
    """An account with the template's tables and buckets."""
    with patch.dict(os.environ, LAMBDA), mock_aws():
        for name, stated in stack.tables().items():
            kept = {"AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"}
            made: Any = {key: value for key, value in stated.items() if key in kept}
            boto3.client("dynamodb").create_table(TableName=name, **made)
        for name in stack.buckets():
            boto3.client("s3").create_bucket(Bucket=name)
        yield


@contextmanager
def ours(function: str, **settings: str) -> Iterator[tuple[Handler, StringIO]]:
    """The handler of a function that has just started, with clients of its own, and its log."""
    with _told(function, settings) as log:
        wiring.client.cache_clear()
        forget(function)
        app = _load(ROOT / "functions" / function / "app.py")
        app.logger.registered_handler.setStream(log)
        getattr(wiring, function)(*([app.logger.info] if takes_log(function) else []))
        yield app.lambda_handler, log


def takes_log(function: str) -> bool:
    """Whether a function's work is made with a log to write to."""
    return "log" in signature(getattr(wiring, function)).parameters


def forget(function: str) -> None:
    """What a function keeps from one invocation to the next."""
    getattr(wiring, function).cache_clear()


@contextmanager
def other(file: Path, name: str, function: str, **settings: str) -> Iterator[tuple[Handler, StringIO]]:
    """A handler out of another file, told what a function of ours is, and its log."""
    with _told(function, settings) as log:
        yield getattr(_load(file), name), log


@contextmanager
def _told(function: str, settings: Mapping[str, str]) -> Iterator[StringIO]:
    """In an environment like Lambda's."""
    name = f"holdfast-{function}-Vb8cZm3xQ2Lk"
    environment = {
        **LAMBDA,
        **stack.environment(function),
        **settings,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(stack.memory(function)),
        "_LAMBDA_FUNCTION_ARN": f"arn:aws:lambda:{REGION}:123456789012:function:{name}",
    }
    with patch.dict(os.environ, environment), redirect_stdout(StringIO()) as log:
        yield log


def _load(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
