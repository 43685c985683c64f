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
const LOOKS = {
  waiting: { color: "amber", icon: "mdi:timer-sand" },
  processing: { color: "blue", icon: "mdi:progress-download" },
  succeeded: { color: "green", icon: "mdi:check-circle-outline" },
  failed: { color: "red", icon: "mdi:alert-circle-outline" },
  stopped: { color: "orange", icon: "mdi:stop-circle-outline" },
};
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
  return {
    accounts: all.filter((device) => device.has.tasks_waiting),
    plans: all.filter((device) => device.has.start_plan),
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

const accountSection = (account, t) => {
  const { has } = account;
  const tile = (entity, name, looks) => ({ type: "tile", entity, name, ...looks });
  return section(
    account.name,
    "mdi:cloud-upload",
    [
      ...["waiting", "processing", "succeeded", "failed"].map((status) =>
        tile(has[`tasks_${status}`], t(`entity.sensor.status.state.${status}`), {
          ...LOOKS[status],
        }),
      ),
      {
        ...tile(has.active_devices_total, t("common.dashboard_devices"), {
          color: "blue",
          icon: "mdi:devices",
        }),
        ...FULL,
      },
    ].filter((each) => each.entity),
    {
      ...openDevice(account),
      badges: [
        badge(has.running, "blue", ["on"]),
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

/** Tasks, below the names of their accounts where there are several. */
const tasksSection = (found, key, icon, most, t) => {
  const own = (account) => found[key].filter((task) => task.via === account.id);
  const name = (account) => ({
    type: "heading",
    heading: account.name,
    heading_style: "subtitle",
  });
  const isOne = found.accounts.length === 1;
  const cards = found.accounts
    .filter((account) => own(account).length)
    .flatMap((account) => [
      ...(isOne ? [] : [name(account)]),
      ...own(account)
        .slice(0, most)
        .flatMap((task) => taskCards(task, t)),
    ]);
  const shown = found.accounts
    .map((account) => Math.min(own(account).length, most))
    .reduce((one, other) => one + other, 0);
  const all = found[key].length;
  return section(
    t(`common.dashboard_${key}`) + (shown < all ? ` (${shown}/${all})` : ""),
    icon,
    cards.length ? cards : [note(t(`common.dashboard_none_${key}`))],
    most === Infinity ? {} : open("tasks"),
  );
};

const active = (found, most, t) =>
  tasksSection(found, "active", "mdi:progress-download", most, t);

const ended = (found, most, t) =>
  tasksSection(found, "ended", "mdi:flag-checkered", most, t);

const planSection = (plans, t) =>
  section(
    t("common.dashboard_plans"),
    "mdi:rocket-launch",
    plans.map((plan) => ({
      type: "tile",
      entity: plan.has.plan_state || plan.has.plan_last_status || plan.has.start_plan,
      name: plan.name,
      ...FULL,
      ...openDevice(plan),
    })),
  );

const graphSection = (account, hours, t) =>
  section(
    `${t("common.dashboard_devices")}: ${account.name}`,
    "mdi:chart-line",
    [
      {
        type: "history-graph",
        hours_to_show: hours,
        entities: ["waiting", "processing", "succeeded", "failed"]
          .filter((status) => account.has[`active_devices_${status}`])
          .map((status) => ({
            entity: account.has[`active_devices_${status}`],
            name: t(`entity.sensor.status.state.${status}`),
            color: LOOKS[status].color,
          })),
        ...FULL,
      },
    ],
  );

const overview = (found, hours, t) => {
  const { accounts, plans } = found;
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
    ...accounts.map((account) => accountSection(account, t)),
    active(found, FEW_ACTIVE, t),
    ended(found, FEW_ENDED, t),
    ...(plans.length ? [planSection(plans, t)] : []),
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

/** What the pages were made of, so that they are made anew when that changes. */
let watched = [];

class View extends HTMLElement {
  static async generate(config, hass) {
    const found = survey(hass);
    const t = await translator(hass);
    watched = found.tasks.map((task) => task.has.status);
    return {
      type: "sections",
      max_columns: 3,
      sections:
        config.page === "tasks"
          ? [active(found, Infinity, t), ended(found, Infinity, t)]
          : overview(found, config.hours_to_show ?? 24, t),
    };
  }

  static shouldRegenerate(_config, old, hass) {
    return (
      old.entities !== hass.entities ||
      old.devices !== hass.devices ||
      watched.some((id) => valueOf(old, id) !== valueOf(hass, id))
    );
  }
}

class Dashboard extends HTMLElement {
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
