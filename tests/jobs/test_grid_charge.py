"""Charging from the grid: written where the site opted in, read back, and never assumed."""

from __future__ import annotations

from contextlib import asynccontextmanager

from connectors.device import GridCharge
from connectors.errors import NotTaken, Unreachable
from tests.jobs.ranch import on_ranch, ranch_site


def site(*, writes):
    described = ranch_site()
    return described.model_copy(
        update={"inverter": described.inverter.model_copy(update={"allow_settings_writes": writes})}
    )


@asynccontextmanager
async def ranch_with_cloud(database, *, writes=True):
    async with on_ranch(database, site(writes=writes), settings_delay_s=0.1) as ranch:
        cloud = ranch.open("solark")
        async with ranch.controlled(inverter_settings={"solark": cloud}):
            yield ranch, cloud
        await cloud.close()


async def test_it_is_enabled_and_disabled_through_the_cloud_and_told_to_the_other_owners(database):
    async with ranch_with_cloud(database) as (ranch, cloud):
        asker = await ranch.person("Anna")
        await ranch.person("Ben")
        assert (await cloud.grid_charge()).enabled is False
        for action, enabled, word in (("on", True, "enabled"), ("off", False, "disabled")):
            request_id = await ranch.ask(f"grid_charge.{action}", person_id=asker)
            request = await ranch.ended(request_id, within_s=30)
            assert request.state == "done", request.results
            assert request.results["grid_charge"]["says"] == f"Grid charging is {word}, read back from the inverter."
            assert (await cloud.grid_charge()).enabled is enabled
        assert (await ranch.actions()).count("grid_charge_set") == 2
        assert [text for _, text in await ranch.notices()] == [
            "Anna: Grid charging is enabled, read back from the inverter.",
            "Anna: Grid charging is disabled, read back from the inverter.",
        ]


async def test_a_site_that_did_not_opt_in_is_refused_again_where_it_would_be_written(database):
    async with ranch_with_cloud(database, writes=False) as (ranch, cloud):
        request = await ranch.ended(await ranch.ask("grid_charge.on"))
        assert request.state == "refused"
        assert "allow_settings_writes" in request.results["grid_charge"]["says"]
        assert (await cloud.grid_charge()).enabled is False
        assert "grid_charge_refused" in await ranch.actions()


class Inverter:
    """Fails to write as it is told, and says how it stands."""

    def __init__(self, error, enabled):
        self.error, self.enabled = error, enabled

    async def set_grid_charge(self, on):
        raise self.error

    async def grid_charge(self):
        if self.enabled is None:
            raise Unreachable("the cloud is away")
        return GridCharge(self.enabled, ())


async def test_after_a_write_that_failed_it_is_said_how_it_stands_now(database):
    async with on_ranch(database, site(writes=True)) as ranch:
        for error, enabled, words in (
            (NotTaken("the inverter refused it"), False, "the inverter refused it. It reads back as disabled now."),
            (Unreachable("no answer", maybe_done=True), True, "no answer. It reads back as enabled now."),
            (Unreachable("no answer", maybe_done=True), None, "It could not be read back"),
        ):
            async with ranch.controlled(inverter_settings={"solark": Inverter(error, enabled)}):
                request = await ranch.done("grid_charge.on")
                assert request.state == "failed"
                assert words in request.results["grid_charge"]["says"]
