# SPDX-License-Identifier: Apache-2.0
"""All cases: name to the function that makes one."""
import lb_cases
import lb_full_cases
import lb_mode_cases
import lb_seen_cases
import lb_service_cases
import lb_state_cases
import lb_transport_cases
import mixed_cases
import nat_cases
import pcp_cases
import realm_cases
import rfc_cases
import route_cases
import static_cases


def name_of(area, f):
    return f"{area}/{f.__name__.replace('_', '-')}"


MODULES = (
    ("route", route_cases),
    ("route", realm_cases),
    ("nat", nat_cases),
    ("nat", static_cases),
    ("nat", pcp_cases),
    ("nat", rfc_cases),
    ("nat", mixed_cases),
    ("lb", lb_cases),
    ("lb", lb_service_cases),
    ("lb", lb_state_cases),
    ("lb", lb_mode_cases),
    ("lb", lb_transport_cases),
    ("lb", lb_seen_cases),
    ("lb", lb_full_cases),
)
ALL = {name_of(area, f): f for area, m in MODULES for f in m.CASES}
