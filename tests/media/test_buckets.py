"""Media in a bucket: stored, checked and sent in parts by the web process, and never by address."""

from __future__ import annotations

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured
from moto import mock_aws

from annotation.launch import launch_study
from evalsite.lib.env import env_storage
from generation.copies import store_with_copy
from generation.exceptions import MediaDamaged
from generation.media import read_media, read_part
from tests.annotation.people import claimed_by, enter
from tests.factories import make_rater
from tests.media.makers import judge_url, sine, sound_study
from tests.media.test_serving import body, url_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def bucket(settings, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "nobody")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("EVALSITE_MEDIA_URL", "s3://ours/media/here")
    with mock_aws():
        made = boto3.resource("s3").create_bucket(Bucket="ours")
        settings.STORAGES = {**settings.STORAGES, "default": env_storage("EVALSITE_MEDIA")}
        yield made


def test_a_file_is_stored_once_below_the_prefix_and_read_back(bucket):
    media = store_with_copy(sine())
    assert store_with_copy(sine()) == media
    keys = {item.key for item in bucket.objects.all()}
    assert f"media/here/{media.storage_name}" in keys
    assert len(keys) == 2
    assert read_media(media) == sine()
    assert b"".join(read_part(media, 10, 200)) == sine()[10:200]


def test_a_missing_or_changed_object_is_damage(bucket):
    media = store_with_copy(sine())
    item = bucket.Object(f"media/here/{media.storage_name}")
    item.put(Body=b"another")
    with pytest.raises(MediaDamaged):
        read_media(media)
    item.delete()
    for read in (lambda: read_media(media), lambda: read_part(media, 0, 5)):
        with pytest.raises(MediaDamaged):
            read()


def test_raters_get_parts_from_the_web_process_and_no_address_of_the_bucket(bucket, tmp_path):
    rater = make_rater(launch_study(sound_study(tmp_path)))
    client = enter(rater)
    page = client.get(judge_url(rater)).content.decode()
    assert "amazonaws" not in page
    assert "ours" not in page
    assert claimed_by(rater)
    whole = client.get(url_of(rater))
    assert "Location" not in whole
    part = client.get(url_of(rater), headers={"Range": "bytes=5-14"})
    assert body(whole)[5:15] == body(part)
    for item in bucket.objects.all():
        item.delete()
    assert client.get(url_of(rater)).status_code == 404


def test_settings_name_a_bucket_with_what_else_it_needs(monkeypatch):
    monkeypatch.setenv("EVALSITE_MEDIA_URL", "s3://ours")
    monkeypatch.setenv("EVALSITE_MEDIA_OPTIONS", '{"endpoint_url": "http://minio:9000"}')
    storage = env_storage("EVALSITE_MEDIA")
    assert storage["BACKEND"] == "evalsite.lib.buckets.Bucket"
    assert storage["OPTIONS"]["bucket_name"] == "ours"
    assert storage["OPTIONS"]["location"] == ""
    assert storage["OPTIONS"]["endpoint_url"] == "http://minio:9000"


@pytest.mark.parametrize("url", ["http://ours/x", "s3://", "s3:///prefix", "ours", "s3://a b/c"])
def test_an_address_that_is_no_bucket_is_refused(monkeypatch, url):
    monkeypatch.setenv("EVALSITE_MEDIA_URL", url)
    with pytest.raises(ImproperlyConfigured, match="expected s3://bucket/prefix"):
        env_storage("EVALSITE_MEDIA")


def test_without_an_address_files_go_to_a_folder(monkeypatch):
    monkeypatch.delenv("EVALSITE_MEDIA_URL", raising=False)
    storage = env_storage("EVALSITE_MEDIA")
    assert storage["BACKEND"].endswith("FileSystemStorage")
