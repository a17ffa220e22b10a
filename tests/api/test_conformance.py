"""The API does what its description says, whatever it is sent."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from knox.models import AuthToken
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from annotation.launch import launch_study
from evalsite.wsgi import application
from tests.factories import make_study, make_user

# With real transactions: the WSGI application opens and closes its connections as in production.
pytestmark = pytest.mark.django_db(transaction=True)


schema = schemathesis.openapi.from_wsgi("/api/v1/schema/", app=application)


@pytest.fixture
def headers(settings) -> dict[str, str]:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_CLASSES": []}
    alice = make_user()
    launch_study(make_study(owner=alice, slug="study-1"))
    return {"Authorization": f"Token {AuthToken.objects.create(user=alice)[1]}"}


@schema.parametrize()
@settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_answer_is_undeclared(case, headers):
    response = case.call(headers={**(case.headers or {}), **headers})
    case.validate_response(
        response,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )
