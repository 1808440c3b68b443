"""The playbooks, by scenario stem."""

from collections.abc import Mapping

from remediation.playbooks.base import Playbook
from remediation.playbooks.clock_drift import CLOCK_DRIFT
from remediation.playbooks.kill_switch import KILL_SWITCH
from remediation.playbooks.process_crash import PROCESS_CRASH

PLAYBOOKS: Mapping[str, Playbook] = {
    playbook.scenario: playbook for playbook in (CLOCK_DRIFT, KILL_SWITCH, PROCESS_CRASH)
}
