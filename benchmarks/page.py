"""The page of the documentation, but for its tables."""

PAGE = """\
# Benchmarks

`script/benchmark` measures all of this and writes this page, which took {minutes} minutes. `script/benchmark --quick` prints a small
one. Each figure is a ratio of two things that were measured in the same run, one by turns with the other, as machines differ and
are never quiet; nothing here is a test that could fail on a slow one.

Each simulated platform runs in a process of its own, without its limit of calls, over TLS. One in ten tasks is active. On OceanConnect
tasks are for a device group (a page of 100 is about 60 kB) or for 256 devices by name (about 1 MB). EnOS counts nothing, so a poll
counts the OTA tasks of each active job, and how many devices a job has decides: they are 20 of a device group, or 256 by name. An
account on EnOS was there before its jobs: one that is set up later begins with the newest thousand.

- **Fleet Upgrade**: a poll of an account in Home Assistant, from the first call to the last entity.
- **The floor**: the same pages with bare `aiohttp` and `orjson.loads`, and nothing done with them.
- **One by one**: one call for each task after the other with `requests`, as the platforms' own examples do. On EnOS that call does not
  tell how far a job is; whoever wants to know makes at least one more for each.

![Processor time of a poll](images/benchmarks.svg)

## Goals

{goals}

## A poll

{polls}

Processor time counts all threads. A stall is the longest that one callback kept the event loop busy, in processor time and in the
median of nine polls. Memory is the most that was allocated in between, beyond what was there before.

## A poll that finds nothing, and one that finds one device moved on

{quiet}

"After the pages" is the processor time from the last page on: comparing, warnings, entities, the store. Writes are states handed to
Home Assistant; those that are equal to what was there make no row.

## Set-up of an account

{setup}

The pages are those that the set-up itself read. The largest account has {entities} entities.

## From a device's result to the event

{delays}

Push: one result after a quiet minute; of what comes in a row, more is gathered before the next poll. Polling: measured with a poll
each second, and given for one each minute.

## Thirty days

{month}

## What was slow, and why

Profiles (`py-spy record`, `cProfile`) of polls with 1,000 and 10,000 tasks said:

| What took the time | Why | What was done | Then |
|---|---|---|---|
| Taking pages apart and making values of them: half of a poll | Nine of ten rows are those of the poll before | A row that came before, byte for byte, is not read again (`KnownRows`) | A page that is known takes a third of what reading it takes, and half of what `orjson` takes |
| What follows the pages: 31 ms with 1,900 known tasks for 256 devices each | Each task was compared device by device, sorted twice, and looked at for warnings and for being over | Known rows are known objects; tasks that are over are passed over; a task cannot have stalled before its hours have passed | 4 ms |
| Counting the values of an answer before it is read: 0.8 ms for 1 MB | It was done for any answer that could hold too many | Only for those twice as large | 0 |
| Waking listeners, 0.16 ms a poll | Each of an account's 500 was looked up before it was known to be meant | Those that are meant are picked first | 0.03 ms |
| Entities that are woken when one device moves on: 22 | All of the task and of the account were written, though most show what they showed | What shows the same is not handed to Home Assistant | Those that changed |
| Calls of a poll of EnOS with 10,000 jobs: 189 | Reading on for active jobs further down ended after as many pages as there were jobs still to be found, and 40 of them were then asked for one by one | A page that holds one of them costs no more than asking for it | 38 fewer |
| Making values of jobs on EnOS: three times what `orjson` takes for their page | As on OceanConnect | `KnownRows` there, too | A tenth of it |
| What follows the pages on EnOS | Each job was made anew and compared, device by device; one whose end is not known, as it is counted by totals, was looked at for all that can happen | A job whose row is that of the poll before is the object that is known; what is over is passed over, whether its end is known or not | Half of it with 10,000 jobs for a group, a seventh with 1,000 for 256 devices |
| Planning which of 1,000 active jobs of up to 200 devices are counted together on EnOS | Each job was tried on each page, full ones included | Pages are kept in the order of the room that they have | A seventh of it |

What is left beyond TLS and HTTP, which the floor has as well: a tenth of a millisecond for each call (its turn in the call budget, the
limit of its size, the platform's clock), and a third of one for each 1,000 known tasks (is it over, is it in trouble). Where pages are
small, that is more than what is saved in reading them; where they are large, it is less. A set-up is longer than its pages because
Home Assistant takes a third of a millisecond for each entity, and an account of 50 or more tasks has some six hundred; on EnOS, where
it reads a dozen pages for jobs of 20 devices however many there are, these are most of it.

EnOS counts nothing, so what a poll takes there is decided by the devices of the active jobs. With 1,000 jobs it reads one page for what is
new, four more on which active jobs stand, makes two searches for jobs at rest that have moved, and counts: jobs of up to 200 devices
together, 200 devices a call. For jobs of up to 25 devices that is a fiftieth of the calls of one by one, or less. A larger job takes a call for
each of four statuses, because the pages of its devices have no order in which they could be read on: with 256 devices in each job these
are 400 of 407 calls, and the goal is out of reach. Their answers have one row, so what a poll takes beyond the floor are these calls: for
each, half of what bare `aiohttp` takes. Pages of devices take two and a half times what they take with `orjson` alone: they are read row by
row, so that one that is broken is dropped alone, and counted. Rows of devices are not remembered as those of jobs are: they are what moves.
What keeps the event loop longest there with 10,000 known jobs stands between two searches and after the last: which jobs rest, which are
awake, which share a page, what has changed. Each is a walk over all known jobs.
"""
