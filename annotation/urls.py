from __future__ import annotations

from annotation import rate_urls, study_urls

app_name = "annotation"
urlpatterns = [*rate_urls.urlpatterns, *study_urls.urlpatterns]
