// The dashboard "Fleet upgrades": made from whatever accounts, upgrade tasks and plans
// there are, of nothing but Home Assistant's own cards. Entities are found by what they
// are, not by their names, which people change.

const DOMAIN = "fleet_upgrade";
const STRATEGY = "fleet-upgrade";

/** How many tasks of an account the first page shows, of those that run, of those that
    have ended; the second page shows all. */
const FEW_ACTIVE = 8;
const FEW_ENDED = 3;

const ACTIVE = ["processing", "waiting"];
const COUNTED = ["waiting", "processing", "succeeded", "failed"];
const LOOKS = {
  waiting: { color: "amber", icon: "mdi:timer-sand" },
  processing: { color: "blue", icon: "mdi:progress-download" },
  succeeded: { color: "green", icon: "mdi:check-circle-outline" },
  failed: { color: "red", icon: "mdi:alert-circle-outline" },
  stopped: { color: "orange", icon: "mdi:stop-circle-outline" },
};
const PHASES = {
  ...LOOKS,
  creating: { color: "blue", icon: "mdi:progress-upload" },
  running: LOOKS.processing,
  soaking: { color: "amber", icon: "mdi:timer-sand" },
  awaiting_approval: { color: "amber", icon: "mdi:account-check" },
  finished: LOOKS.succeeded,
  stopped: { color: "red", icon: "mdi:stop-circle-outline" },
};
const ENDED = "mdi:flag-checkered";
const FULL = { grid_options: { columns: "full" } };

const valueOf = (hass, entity) => hass.states[entity]?.state ?? "";

/** Return the accounts, tasks and plans, each with its entities by what they are. */
const survey = (hass) => {
  const devices = new Map();
  for (const entity of Object.values(hass.entities)) {
    const device = hass.devices[entity.device_id];
    const state = hass.states[entity.entity_id];
    if (entity.platform !== DOMAIN || entity.hidden || !device || !state) continue;
    if (!devices.has(device.id)) {
      const name = device.name_by_user || device.name;
      devices.set(device.id, { id: device.id, name, via: device.via_device_id, has: {} });
    }
    const key = entity.translation_key || state.attributes.device_class;
    devices.get(device.id).has[key] = entity.entity_id;
  }
  const all = [...devices.values()].sort((a, b) => a.name.localeCompare(b.name));
  const tasks = all.filter((device) => device.has.status);
  for (const task of tasks) {
    task.status = valueOf(hass, task.has.status);
    task.progress = Number(valueOf(hass, task.has.progress)) || 0;
    task.end = valueOf(hass, task.has.end);
  }
  const plans = all.filter((device) => device.has.start_plan);
  for (const plan of plans) {
    plan.state = plan.has.plan_state || plan.has.plan_last_status || plan.has.start_plan;
    plan.phase = valueOf(hass, plan.state);
  }
  const accounts = all.filter((device) => device.has.tasks_waiting);
  for (const account of accounts) {
    account.counts = Object.fromEntries(
      COUNTED.map((status) => [
        status,
        Number(valueOf(hass, account.has[`tasks_${status}`])),
      ]),
    );
  }
  return {
    accounts,
    plans,
    tasks,
    active: tasks
      .filter((task) => ACTIVE.includes(task.status))
      .sort((a, b) => a.status.localeCompare(b.status) || a.progress - b.progress),
    ended: tasks
      .filter((task) => task.status in LOOKS && !ACTIVE.includes(task.status))
      .sort((a, b) => b.end.localeCompare(a.end)),
  };
};

const open = (path) => ({
  tap_action: { action: "navigate", navigation_path: path },
});
const openDevice = (device) => open(`/config/devices/device/${device.id}`);

const section = (heading, icon, cards, more = {}) => ({
  type: "grid",
  cards: [{ type: "heading", heading, icon, ...more }, ...cards],
});

/** A text of our own; what others wrote would be Markdown here, so it is for tiles. */
const note = (content) => ({ type: "markdown", content, text_only: true, ...FULL });

/** A badge in a heading, which is there in some states only. */
const badge = (entity, color, states) => ({
  type: "entity",
  entity,
  color,
  show_state: true,
  visibility: [{ condition: "state", entity, state: states }],
});

/** A tile that is there only while there is something to tell. */
const unlessNone = (tile) => ({
  ...tile,
  visibility: [{ condition: "numeric_state", entity: tile.entity, above: 0 }],
});

/** The tasks of one account, below a heading that tells how many are not shown. */
const tasksOf = (account, tasks, key, most, t, heading = t(`common.dashboard_${key}`)) => {
  const own = tasks.filter((task) => task.via === account.id);
  const shown = own.slice(0, most);
  const cut = shown.length < own.length ? ` (${shown.length}/${own.length})` : "";
  return [
    {
      type: "heading",
      heading: heading + cut,
      heading_style: "subtitle",
      ...(cut ? open("tasks") : {}),
    },
    ...(own.length
      ? shown.flatMap((task) => taskCards(task, t))
      : [note(t(`common.dashboard_none_${key}`))]),
  ];
};

/** Tasks of all accounts, below the names of these. */
const tasksSection = (found, key, icon, most, t) =>
  section(
    t(`common.dashboard_${key}`),
    icon,
    found.accounts.flatMap((account) =>
      tasksOf(account, found[key], key, most, t, account.name),
    ),
    most === Infinity ? {} : open("tasks"),
  );

const accountSection = (account, found, t) => {
  const { has } = account;
  const tile = (entity, name, looks) => ({ type: "tile", entity, name, ...looks });
  return section(
    account.name,
    "mdi:cloud-upload",
    [
      ...COUNTED.map((status) =>
        tile(has[`tasks_${status}`], t(`entity.sensor.status.state.${status}`), {
          ...LOOKS[status],
          ...(account.counts[status] > 0 ? {} : { color: "disabled" }),
        }),
      ),
      {
        ...tile(has.active_devices_total, t("common.dashboard_devices"), {
          color: "blue",
          icon: "mdi:devices",
        }),
        ...FULL,
      },
    ]
      .filter((each) => each.entity)
      .concat(tasksOf(account, found.active, "active", FEW_ACTIVE, t)),
    {
      ...openDevice(account),
      badges: [
        badge(has.upgrade_running, "blue", ["on"]),
        badge(has.problem, "red", ["on"]),
        badge(has.connectivity, "red", ["off", "unavailable"]),
      ].filter((each) => each.entity),
    },
  );
};

const taskCards = (task, t) => {
  const isProcessing = task.status === "processing" && task.has.progress;
  return [
    {
      type: "tile",
      entity: isProcessing ? task.has.progress : task.has.status,
      name: task.name,
      ...LOOKS[task.status],
      ...(isProcessing ? { features: [{ type: "bar-gauge" }] } : {}),
      ...FULL,
      ...openDevice(task),
    },
    ...(task.has.devices_failed
      ? [
          unlessNone({
            type: "tile",
            entity: task.has.devices_failed,
            name: t("entity.sensor.devices_failed.name"),
            ...LOOKS.failed,
            ...FULL,
            ...openDevice(task),
          }),
        ]
      : []),
  ];
};

/** Where a plan is, how its waves go, why it was stopped, and what waits for a person. */
const planCards = (plan, t) => {
  const { has } = plan;
  const tile = (entity, more) => ({ type: "tile", entity, ...openDevice(plan), ...more });
  const { state } = plan;
  const waves = [
    tile(has.plan_wave, { name: t("entity.sensor.plan_wave.name"), color: "blue" }),
    tile(has.plan_share_succeeded, {
      name: t("entity.sensor.status.state.succeeded"),
      color: "green",
    }),
  ].filter((each) => each.entity);
  const only = (is) => ({ visibility: [{ condition: "state", entity: state, state: is }] });
  return [
    tile(state, { name: plan.name, ...PHASES[plan.phase], ...FULL }),
    ...waves,
    ...(has.plan_waves
      ? [
          {
            type: "tile",
            entity: has.plan_waves,
            name: t("entity.event.plan_waves.state_attributes.why.name"),
            state_content: ["why"],
            color: "red",
            ...FULL,
            ...only("stopped"),
          },
        ]
      : []),
    ...(has.approve_wave
      ? [
          {
            type: "tile",
            entity: has.approve_wave,
            name: t("entity.button.approve_wave.name"),
            color: "amber",
            ...FULL,
            ...only("awaiting_approval"),
          },
        ]
      : []),
  ];
};

const planSection = (plans, t) =>
  section(
    t("common.dashboard_plans"),
    "mdi:rocket-launch",
    plans.flatMap((plan) => planCards(plan, t)),
  );

const graphSection = (account, hours, t) =>
  section(
    `${t("common.dashboard_devices")}: ${account.name}`,
    "mdi:chart-line",
    [
      {
        type: "history-graph",
        hours_to_show: hours,
        entities: COUNTED.filter(
          (status) => account.has[`active_devices_${status}`],
        ).map((status) => ({
          entity: account.has[`active_devices_${status}`],
          name: t(`entity.sensor.status.state.${status}`),
          color: LOOKS[status].color,
        })),
        ...FULL,
      },
    ],
  );

/** A section that is made anew by itself, so that the others need not be. */
const part = (what, more = {}) => ({
  strategy: { type: `custom:${STRATEGY}`, part: what, ...more },
});

/** What is in a section of that kind. */
const PARTS = {
  account: (found, t, { account }) => {
    const own = found.accounts.find((each) => each.id === account);
    return own ? accountSection(own, found, t) : { type: "grid", cards: [] };
  },
  ended: (found, t) => tasksSection(found, "ended", ENDED, FEW_ENDED, t),
  all_active: (found, t) =>
    tasksSection(found, "active", LOOKS.processing.icon, Infinity, t),
  all_ended: (found, t) => tasksSection(found, "ended", ENDED, Infinity, t),
  plans: (found, t) => planSection(found.plans, t),
};

const overview = ({ accounts, plans }, hours, t) => {
  if (!accounts.length) {
    const path = `/config/integrations/dashboard/add?domain=${DOMAIN}`;
    return [
      section(t("common.dashboard_title"), "mdi:cloud-upload", [
        note(`[${t("common.dashboard_no_account")}](${path})`),
      ]),
    ];
  }
  const all = (key) => accounts.map((each) => each.has[key]).filter(Boolean);
  return [
    ...accounts.map((account) => part("account", { account: account.id })),
    part("ended"),
    ...(plans.length ? [part("plans")] : []),
    section(t("common.dashboard_activity"), "mdi:history", [
      {
        type: "logbook",
        hours_to_show: hours,
        target: { entity_id: all("upgrade_task") },
        ...FULL,
      },
    ]),
    section(t("entity.calendar.windows.name"), "mdi:calendar-clock", [
      { type: "calendar", initial_view: "listWeek", entities: all("windows"), ...FULL },
    ]),
    ...accounts.map((account) => graphSection(account, hours, t)),
  ];
};

/** Texts of the integration, in the user's language. */
const translator = async (hass) => {
  await hass.loadBackendTranslation("entity", DOMAIN);
  const localize = await hass.loadBackendTranslation("common", DOMAIN);
  return (key) => localize(`component.${DOMAIN}.${key}`) || key;
};

const hasOthers = (old, hass) =>
  old.entities !== hass.entities || old.devices !== hass.devices;

/** What the sections were made of, so that they are made anew when that changes. */
let watched = [];

class Section extends HTMLElement {
  static async generate(config, hass) {
    const found = survey(hass);
    watched = [
      ...found.tasks.map((task) => task.has.status),
      ...found.plans.map((plan) => plan.state),
      ...found.accounts.flatMap(({ has }) =>
        COUNTED.map((status) => has[`tasks_${status}`]),
      ),
    ];
    return PARTS[config.part](found, await translator(hass), config);
  }

  static shouldRegenerate(_config, old, hass) {
    return (
      hasOthers(old, hass) ||
      watched.some((id) => valueOf(old, id) !== valueOf(hass, id))
    );
  }
}

class View extends HTMLElement {
  static async generate(config, hass) {
    const t = await translator(hass);
    return {
      type: "sections",
      max_columns: 3,
      sections:
        config.page === "tasks"
          ? [part("all_active"), part("all_ended")]
          : overview(survey(hass), config.hours_to_show ?? 24, t),
    };
  }

  /** Only for another account, or for a first plan. */
  static shouldRegenerate(_config, old, hass) {
    const sections = (them) => {
      const { accounts, plans } = survey(them);
      return [plans.length > 0, ...accounts.map((each) => each.id + each.name)].join();
    };
    return hasOthers(old, hass) && sections(old) !== sections(hass);
  }
}

class Dashboard extends HTMLElement {
  static shouldRegenerate() {
    return false;
  }

  static async generate(config, hass) {
    const t = await translator(hass);
    const view = (path, title, icon) => ({
      path,
      title,
      icon,
      strategy: { ...config, page: path },
    });
    return {
      title: t("common.dashboard_title"),
      views: [
        view("fleet", t("common.dashboard_title"), "mdi:cloud-upload"),
        view("tasks", t("common.dashboard_all"), "mdi:format-list-bulleted"),
      ],
    };
  }
}

// The frontend replaces the registry of elements as it starts: what was defined in the
// old one, by a script that was quicker, would not be found.
customElements.whenDefined("home-assistant").then(() => {
  customElements.define(`ll-strategy-section-${STRATEGY}`, Section);
  customElements.define(`ll-strategy-view-${STRATEGY}`, View);
  customElements.define(`ll-strategy-dashboard-${STRATEGY}`, Dashboard);
});

window.customStrategies = window.customStrategies || [];
window.customStrategies.push({
  type: STRATEGY,
  strategyType: "dashboard",
  name: "Fleet upgrades",
  description: "Accounts, upgrade tasks and plans of Fleet Upgrade, found by themselves",
});
