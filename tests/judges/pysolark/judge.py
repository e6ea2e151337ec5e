"""A client that we did not write, pysolark, looks at a SolArk cloud.

Usage: judge.py URL USERNAME PASSWORD PLANT_ID LOCAL_DATE. Prints one JSON object with what it understood.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pysolark import SolArkClient
from pysolark.exceptions import SolArkAPIError, SolArkAuthError


def main() -> None:
    """Log in, read everything that the simulator serves, renew, try a wrong password and a bad token."""
    url, username, password, plant_id, day = sys.argv[1:6]

    class Client(SolArkClient):
        api_root = url

    found: dict[str, Any] = {}
    with Client(username, password, max_retries=0) as client:
        token = client.login()
        found["expires_in"] = token.expires_in
        found["plants"] = [asdict(point) for point in client.list_plants()]
        found["plant"] = asdict(client.get_plant(int(plant_id)))
        found["realtime"] = asdict(client.get_plant_realtime(int(plant_id)))
        found["flow"] = asdict(client.get_plant_energy_flow(int(plant_id)))
        found["use"] = asdict(client.get_plant_generation_use(int(plant_id)))
        found["day"] = asdict(client.get_plant_energy(int(plant_id), period="day", date=day))
        found["month"] = asdict(client.get_plant_energy(int(plant_id), period="month", date=day[:7]))
        found["power"] = asdict(client.get_plant_power(int(plant_id), period="day", date=day))
        old = token.access_token
        found["renewed"] = client.renew().access_token != old
        found["after_renewal"] = client.get_plant_energy_flow(int(plant_id)).soc
    try:
        Client(username, password + "x", max_retries=0).login()
    except SolArkAuthError as error:
        found["wrong_password"] = {"code": error.code}
    stranger = Client(username, password, max_retries=0)
    stranger.token = client.token
    stranger.token.access_token = "not-a-token"
    try:
        stranger.get_plant_energy_flow(int(plant_id))
    except Exception as error:  # noqa: BLE001 - whatever the foreign client makes of it is the finding
        found["bad_token"] = {"kind": type(error).__name__, "api": isinstance(error, SolArkAPIError)}
    print(json.dumps(found, default=lambda value: value.isoformat() if isinstance(value, datetime) else str(value)))


main()
