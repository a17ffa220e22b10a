from __future__ import annotations

from django.urls import path

from ranking import views

app_name = "ranking"
urlpatterns = [
    path("studies/<slug:slug>/tasks/add/", views.tasks_add, name="tasks-add"),
    path("studies/<slug:slug>/leaderboard/", views.leaderboard, name="leaderboard"),
    path("studies/<slug:slug>/leaderboard.<slug:format>", views.export, name="export"),
    path("studies/<slug:slug>/leaderboard/keep/", views.leaderboard_keep, name="leaderboard-keep"),
    path(
        "studies/<slug:slug>/leaderboard/<int:pk>/",
        views.leaderboard_detail,
        name="leaderboard-detail",
    ),
    path(
        "studies/<slug:slug>/leaderboard/<int:pk>/share/",
        views.leaderboard_share,
        name="leaderboard-share",
    ),
    path(
        "studies/<slug:slug>/leaderboard/<int:pk>/unshare/",
        views.leaderboard_unshare,
        name="leaderboard-unshare",
    ),
    path("reports/<slug:token>/", views.shared, name="shared"),
    path("reports/<slug:token>/report.<slug:format>", views.shared_export, name="shared-export"),
    path("benchmarks/", views.benchmark_list, name="benchmark-list"),
    path("benchmarks/import/", views.benchmark_import, name="benchmark-import"),
]
