"""The smoke run is a test as well."""

import smoke


def test_the_main_job_from_end_to_end():
    smoke.main()
