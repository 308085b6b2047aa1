"""The example task: which flights from New York arrive late, by what is known an hour before they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar

from stages.errors import InputError

HOUR = np.int64(3600)
NOTICE = HOUR
"""How long before the scheduled departure a prediction is made, in seconds."""

WINDOW = 2 * HOUR
"""How far back the recent delay at the origin looks, in seconds."""

WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")

MAKERS = ("AIRBUS", "BOEING", "BOMBARDIER", "CANADAIR", "EMBRAER", "MCDONNELL")


@dataclass(frozen=True)
class FlightsParams:
    """What to make of the flights: the ``flights`` section of params.yaml.

    Attributes
    ----------
    late_minutes
        A flight that arrives so many minutes or more after schedule is late.
    columns
        ``before_departure``: only what is known an hour before the scheduled departure. ``tidymodels``:
        the columns of a published recipe, which uses the actual departure time and the air time.
    """

    late_minutes: int = 15
    columns: Literal["before_departure", "tidymodels"] = "before_departure"

    def __post_init__(self) -> None:
        if self.late_minutes < 1:
            raise InputError(f"params.yaml: flights.late_minutes is {self.late_minutes}.", "It must be 1 or more.")


def build_flights(tables: Mapping[str, pd.DataFrame], params: FlightsParams) -> pd.DataFrame:
    """Join flights, weather and planes into one table, a row a flight that arrived.

    Parameters
    ----------
    tables
        ``flights``, ``weather`` and ``planes`` as the package has them.
    params
        When a flight is late, and which columns to give.

    Returns
    -------
    DataFrame
        In the package's order; ``late`` is ``"yes"`` or ``"no"``, ``departure`` the scheduled local time.
    """
    flights = tables["flights"]
    flights = flights.assign(
        departure=_local_departure(flights), scheduled=_seconds(flights["time_hour"]) + flights["minute"] * 60
    )
    if params.columns == "tidymodels":
        table = _tidymodels_columns(flights, tables["weather"])
    else:
        table = _known_before_departure(flights, tables)
    arrived = flights["arr_delay"].notna().to_numpy()
    table = table[arrived].assign(late=np.where(flights.loc[arrived, "arr_delay"] >= params.late_minutes, "yes", "no"))
    if params.columns == "tidymodels":
        table = table.dropna()
    return table.reset_index(drop=True)


def recent_departures(
    origin: np.ndarray, scheduled: np.ndarray, delay: np.ndarray, notice: int = NOTICE, window: int = WINDOW
) -> pd.DataFrame:
    """Say for every flight how departures from its airport were going when it was `notice` away.

    Only what had happened by then counts: a flight is known to be delayed by d once it has left, at its
    scheduled time plus d, and one that had not left by then is known only to be waiting.

    Parameters
    ----------
    origin
        Airport codes, shape (flights,).
    scheduled
        Scheduled departures, seconds since the epoch, shape (flights,).
    delay
        Departure delays in minutes, NaN for a flight that never left, shape (flights,).
    notice, window
        Seconds before the scheduled departure, and how many seconds to look back from there.

    Returns
    -------
    DataFrame
        ``recent_delay``: mean delay in minutes of what left in the window (NaN if nothing did);
        ``recent_late``: share of it that left 15 minutes late or more; ``waiting``: flights scheduled in the
        window that had not left; ``scheduled_nearby``: departures scheduled within half an hour of its own.
    """
    result = pd.DataFrame(
        np.nan, index=range(len(origin)), columns=["recent_delay", "recent_late", "waiting", "scheduled_nearby"]
    )
    left = scheduled + np.nan_to_num(delay, nan=0.0) * 60
    for airport in np.unique(origin):
        here = np.flatnonzero(origin == airport)
        gone = here[~np.isnan(delay[here])]
        gone = gone[np.argsort(left[gone], kind="stable")]
        times = left[gone]
        delays = np.concatenate([[0.0], np.cumsum(delay[gone])])
        lates = np.concatenate([[0.0], np.cumsum(delay[gone] >= 15)])
        known = scheduled[here] - notice
        first, last = np.searchsorted(times, known - window, "right"), np.searchsorted(times, known, "right")
        count = np.maximum(last - first, 1)
        none = last == first
        result.loc[here, "recent_delay"] = np.where(none, np.nan, (delays[last] - delays[first]) / count)
        result.loc[here, "recent_late"] = np.where(none, np.nan, (lates[last] - lates[first]) / count)
        never_left = np.isnan(delay[here])
        result.loc[here, "waiting"] = _waiting(scheduled[here], np.where(never_left, np.inf, left[here]), known, window)
        plan = np.sort(scheduled[here])
        until = np.searchsorted(plan, scheduled[here] + HOUR // 2, "right")
        result.loc[here, "scheduled_nearby"] = until - np.searchsorted(plan, scheduled[here] - HOUR // 2, "left")
    return result


def _waiting(scheduled: np.ndarray, left: np.ndarray, known: np.ndarray, window: int) -> np.ndarray:
    """Count, for each moment in `known`, the flights scheduled in the window before it that leave after it.

    A window holds some dozens of flights, so the loop is over the place in the window, not over flights.
    """
    order = np.argsort(scheduled, kind="stable")
    plan, leave = scheduled[order], left[order]
    first, last = np.searchsorted(plan, known - window, "right"), np.searchsorted(plan, known, "right")
    counts = np.zeros(len(known))
    for offset in range(int((last - first).max(initial=0))):
        place = first + offset
        inside = place < last
        counts[inside] += leave[place[inside]] > known[inside]
    return counts


def _known_before_departure(flights: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    weather = tables["weather"].drop_duplicates(["origin", "time_hour"]).set_index(["origin", "time_hour"])
    planes = tables["planes"].drop_duplicates("tailnum").set_index("tailnum")
    outside = weather.reindex(pd.MultiIndex.from_frame(flights[["origin", "time_hour"]]))
    plane = planes.reindex(flights["tailnum"])
    minutes = _minute_of_day(flights["sched_arr_time"]) - _minute_of_day(flights["sched_dep_time"])
    table = flights[["departure", "carrier", "origin", "dest", "distance"]].copy()
    table["arrival_minute"] = _minute_of_day(flights["sched_arr_time"])
    table["planned_minutes"] = minutes % (24 * 60)
    for column in WEATHER:
        table[column] = outside[column].to_numpy()
    table["plane_age"] = 2013 - plane["year"].to_numpy()
    table["seats"] = plane["seats"].to_numpy()
    table["maker"] = _maker(plane["manufacturer"]).set_axis(table.index)
    table["engine"] = plane["engine"].astype("str").set_axis(table.index)
    recent = recent_departures(
        flights["origin"].to_numpy(dtype=object), flights["scheduled"].to_numpy(), flights["dep_delay"].to_numpy()
    )
    return pd.concat([table, recent.set_index(table.index)], axis=1)


def _tidymodels_columns(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Give the columns of the recipe at tidymodels.org/start/recipes; rows without weather stay out of it."""
    known = pd.MultiIndex.from_frame(weather[["origin", "time_hour"]])
    date = flights["departure"].dt.normalize()
    holidays = USFederalHolidayCalendar().holidays("2013-01-01", "2013-12-31")
    table = flights[["dep_time", "origin", "dest", "air_time", "distance", "carrier"]].assign(
        weekday=date.dt.day_name(), month=date.dt.month_name(), holiday=np.where(date.isin(holidays), "yes", "no")
    )
    there = pd.MultiIndex.from_frame(flights[["origin", "time_hour"]]).isin(known)
    return table.where(pd.Series(there, index=table.index))


def _maker(manufacturer: pd.Series) -> pd.Series:
    """Take the spellings of one maker together, and the hundreds of small ones, as "other"."""
    first = manufacturer.astype("str").str.extract(r"^(\w+)", expand=False)
    return first.where(first.isna() | first.isin(MAKERS), "other")


def _local_departure(flights: pd.DataFrame) -> pd.Series:
    day = pd.to_datetime(flights[["year", "month", "day"]])
    return day + pd.to_timedelta(_minute_of_day(flights["sched_dep_time"]), unit="min")


def _minute_of_day(clock: pd.Series) -> pd.Series:
    """Turn a clock reading such as 1359 into minutes after midnight."""
    return clock // 100 * 60 + clock % 100


def _seconds(times: pd.Series) -> pd.Series:
    return pd.to_datetime(times, format="%Y-%m-%dT%H:%M:%SZ").astype("datetime64[s]").astype("int64")
