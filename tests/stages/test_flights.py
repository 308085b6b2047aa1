"""The example task must know nothing that an airport did not know an hour before departure."""

import numpy as np
import pandas as pd
import pytest

from stages.errors import InputError
from stages.flights import FlightsParams, build_flights, recent_departures

HOUR = 3600


def recent(flights):
    """Give `recent_departures` of (airport, scheduled hour, delay in minutes) triples."""
    airports, hours, delays = zip(*flights, strict=True)
    return recent_departures(
        np.array(airports, dtype=object), np.array([int(hour * HOUR) for hour in hours]), np.array(delays, dtype=float)
    )


def test_a_departure_counts_once_it_has_happened_an_hour_before():
    table = recent([("JFK", 8, 30), ("JFK", 9.4, 0), ("JFK", 9.5, 0)])
    assert np.isnan(table.loc[1, "recent_delay"])  # at 8:24 the first had not left: it left at 8:30
    assert table.loc[1, "waiting"] == 1
    assert table.loc[2, "recent_delay"] == 30  # at 8:30 it had
    assert table.loc[2, "recent_late"] == 1
    assert table.loc[2, "waiting"] == 0


def test_a_departure_of_another_airport_or_of_long_ago_does_not_count():
    table = recent([("EWR", 8, 50), ("JFK", 5, 50), ("JFK", 10, 0)])
    assert np.isnan(table.loc[2, "recent_delay"])


def test_a_cancelled_flight_waits_for_ever_and_has_no_delay():
    table = recent([("JFK", 8, np.nan), ("JFK", 8.5, 10), ("JFK", 10, 0)])
    assert table.loc[2, "recent_delay"] == 10
    assert table.loc[2, "waiting"] == 1


def test_departures_scheduled_within_half_an_hour_are_counted_with_the_flight_itself():
    table = recent([("JFK", 8, 0), ("JFK", 8.5, 0), ("JFK", 9.1, 0)])
    assert table["scheduled_nearby"].tolist() == [2, 2, 1]


@pytest.mark.parametrize("seed", range(5))
def test_the_future_changes_nothing(seed):
    generator = np.random.default_rng(seed)
    hours = np.sort(generator.uniform(0, 24, 60))
    delays = generator.integers(-10, 120, 60).astype(float)
    before = recent(list(zip(["LGA"] * 60, hours, delays, strict=True)))
    for moment in (6.0, 12.0, 18.0):
        unknown = hours + delays / 60 > moment  # what had not left by then may have left at any later time
        other = np.where(unknown, np.maximum((moment - hours) * 60 + 1, 0) + generator.uniform(1, 300, 60), delays)
        after = recent(list(zip(["LGA"] * 60, hours, other, strict=True)))
        seen = hours - 1 <= moment
        columns = ["recent_delay", "recent_late", "waiting"]
        pd.testing.assert_frame_equal(before.loc[seen, columns], after.loc[seen, columns])


@pytest.fixture
def package():
    """Three flights, the second of them cancelled, as the package writes them."""
    flights = pd.DataFrame(
        {
            "year": 2013, "month": 7, "day": [4, 4, 5], "dep_time": [905.0, np.nan, 1500.0],
            "sched_dep_time": [900, 930, 1500], "dep_delay": [5.0, np.nan, 0.0], "arr_time": [1100.0, np.nan, 1730.0],
            "sched_arr_time": [1045, 1200, 100], "arr_delay": [15.0, np.nan, 14.0], "carrier": ["UA", "AA", "B6"],
            "flight": [1, 2, 3], "tailnum": ["N1", "N2", None], "origin": "JFK", "dest": ["BOS", "MIA", "LAX"],
            "air_time": [40.0, np.nan, 320.0], "distance": [187, 1089, 2475], "hour": [9, 9, 15], "minute": [0, 30, 0],
            "time_hour": ["2013-07-04T13:00:00Z", "2013-07-04T13:00:00Z", "2013-07-05T19:00:00Z"],
        }
    )  # fmt: skip
    weather = pd.DataFrame({"origin": ["JFK"], "time_hour": ["2013-07-04T13:00:00Z"], "temp": [80.1]})
    weather = weather.reindex(
        columns=[
            "origin",
            "time_hour",
            "temp",
            "dewp",
            "humid",
            "wind_dir",
            "wind_speed",
            "wind_gust",
            "precip",
            "pressure",
            "visib",
        ]
    )
    planes = pd.DataFrame(
        {
            "tailnum": ["N1"],
            "year": [2003],
            "seats": [149],
            "manufacturer": ["AIRBUS INDUSTRIE"],
            "engine": ["Turbo-fan"],
        }
    )
    return {"flights": flights, "weather": weather, "planes": planes}


def test_a_row_is_a_flight_that_arrived_and_late_begins_at_the_minute_given(package):
    table = build_flights(package, FlightsParams(late_minutes=15))
    assert table["late"].tolist() == ["yes", "no"]
    assert build_flights(package, FlightsParams(late_minutes=14))["late"].tolist() == ["yes", "yes"]


def test_weather_and_plane_join_where_they_are_known(package):
    table = build_flights(package, FlightsParams())
    assert table["temp"].tolist()[0] == 80.1 and np.isnan(table["temp"].tolist()[1])
    assert table["plane_age"].tolist()[0] == 10 and np.isnan(table["plane_age"].tolist()[1])
    assert table["maker"].tolist()[0] == "AIRBUS" and table["maker"].isna().tolist() == [False, True]
    assert table["departure"].tolist() == [pd.Timestamp("2013-07-04 09:00"), pd.Timestamp("2013-07-05 15:00")]
    assert table["planned_minutes"].tolist() == [105, 600]  # 15:00 to 1:00 is ten hours, over midnight


def test_nothing_that_is_known_only_later_is_a_column(package):
    table = build_flights(package, FlightsParams())
    assert not {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"} & set(table.columns)


def test_the_published_recipe_has_what_it_should_not(package):
    table = build_flights(package, FlightsParams(columns="tidymodels", late_minutes=30))
    assert {"dep_time", "air_time"} <= set(table.columns)
    assert len(table) == 1  # rows without weather are left out
    assert table["holiday"].tolist() == ["yes"]


def test_late_minutes_below_one_is_refused():
    with pytest.raises(InputError, match="flights.late_minutes is 0"):
        FlightsParams(late_minutes=0)
