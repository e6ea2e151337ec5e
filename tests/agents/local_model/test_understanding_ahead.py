"""What is asked about plans, reasons and what-ifs, in the ways that people ask."""

from __future__ import annotations

import pytest

from agents.local_model.intents import Accuracy, Advice, Forecast, Intent, PlanShown, Switch, WhatIf, WhyPlanned
from agents.local_model.plan import sun_ahead
from agents.local_model.understand import understand


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("Will I have enough solar tomorrow to run the miners all day?", Advice("enough_for_miners", "tomorrow")),
        ("is there enough sun for the miners", Advice("enough_for_miners", "tomorrow")),
        ("what is the plan", PlanShown()),
        ("the plan?", PlanShown()),
        ("show me today's plan", PlanShown()),
        ("What is planned for tomorrow?", PlanShown()),
        ("when will the miners run", Advice("start_miners", None)),
        ("why is s21 off", WhyPlanned("s21")),
        ("Why isn't the S19-1 running?", WhyPlanned("s19-1")),
        ("why are the miners off", WhyPlanned()),
        ("why was s21 on yesterday at 12:00", WhyPlanned("s21", "yesterday 12:00")),
        ("why does the plan hold the battery", WhyPlanned("battery")),
        ("what if I run both S19s until 18:00?", WhatIf("run_miners", miners="both s19s", until="until 18:00")),
        ("what if I leave s21 running all night", WhatIf("run_miners", miners="s21", until="tomorrow 07:00")),
        ("what if tomorrow is cloudy?", WhatIf("cloudy", day="tomorrow")),
        ("what if we only get 20 % of the sun on friday", WhatIf("cloudy", day="friday", sun_pct=20)),
        ("what would one more 5 kWh battery have saved last month?", WhatIf("more_battery", extra_kwh=5.0)),
        ("what if I had two more 5 kWh batteries for 14 days", WhatIf("more_battery", extra_kwh=10.0, days=14)),
        ("how accurate are your forecasts", Accuracy()),
        ("were your forecasts right?", Accuracy()),
        ("when is the battery full", Forecast("soc", None, "full")),
        ("how long will the battery last", Forecast("soc", None, "empty")),
        ("will it be sunny tomorrow", Forecast("solar", "tomorrow")),
        ("when to charge the car", Advice("use_surplus", None)),
        ("will I need the generator tonight", Advice("run_generator", "tonight")),
    ],
)
def test_a_question_about_what_is_to_come_is_understood(question: str, meant: Intent) -> None:
    assert understand(question) == meant


@pytest.mark.parametrize("question", ["stop the miners", "start s21 for 2h", "put s21 on auto"])
def test_an_order_stays_an_order(question: str) -> None:
    assert isinstance(understand(question), Switch)


@pytest.mark.parametrize(
    ("when", "arguments"),
    [
        ("tomorrow afternoon", {"day": "tomorrow afternoon"}),
        ("last friday", {"day": "friday"}),
        ("next 6 hours", {"hours": 6}),
        ("tonight", {}),
        (None, {}),
    ],
)
def test_words_of_time_become_a_day_or_hours(when: str | None, arguments: dict[str, object]) -> None:
    assert sun_ahead(when).arguments == arguments
