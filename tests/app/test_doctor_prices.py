"""What the doctor says of the addresses of prices."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from app.clock import RunClock
from app.doctor import price_findings
from energy.site import Site
from energy.site_plan import PlanSettings
from tests.connectors.serving import serving


async def test_addresses_of_prices_are_asked_and_what_is_wrong_is_said() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/prices":
            return web.json_response([{"start": datetime.now(UTC).isoformat(), "import_per_kwh": 0.2}])
        return web.json_response({"price": 47})

    async with serving(handler) as server:
        plan = PlanSettings(hashprice_url=server.url, hashprice_field="price", prices_url=f"{server.url}/prices")
        good = await price_findings(Site(id="ranch", plan=plan), RunClock.of({}))
        plan = PlanSettings(hashprice_url=server.url, prices_url=server.url)
        bad = await price_findings(Site(id="ranch", plan=plan), RunClock.of({}))
    assert [(each.ok, each.about) for each in good] == [(True, "hash price"), (True, "energy prices")]
    assert good[0].says == "47 USD per PH/s and day"
    assert [each.ok for each in bad] == [False, False]
    assert "plan.hashprice_field" in bad[0].says
    assert await price_findings(Site(id="ranch"), RunClock.of({})) == []
