// The type of our dashboard's JSON, made of Grafana's own types. The compiler then finds a missing key, a key that Grafana
// does not know, and a value of the wrong type.
import type * as grafana from "@grafana/schema";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as stateTimeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as timeSeries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// An enumeration of Grafana's is its values in JSON.
type Json<T> = T extends string
    ? `${T}`
    : T extends number
      ? `${T}` extends `${infer N extends number}`
          ? N
          : T
      : T extends boolean | null | undefined
        ? T
        : T extends Array<infer Item>
          ? Array<Json<Item>>
          : { [Key in keyof T]: Json<T[Key]> };

// Grafana leaves open which options and fields a panel of some type has.
type Panel<Type, Options, Custom> = Omit<grafana.Panel, "type" | "options" | "fieldConfig"> & {
    type: Type;
    title: string;
    options: Options;
    fieldConfig: {
        defaults: Omit<grafana.FieldConfig, "custom"> & { custom?: Custom };
        overrides: NonNullable<grafana.Panel["fieldConfig"]>["overrides"];
    };
};
type Chart =
    | Panel<"stat", stat.Options, Record<string, never>>
    | Panel<"state-timeline", stateTimeline.Options, stateTimeline.FieldConfig>
    | Panel<"timeseries", timeSeries.Options, timeSeries.FieldConfig>;

// What Grafana adds to a dashboard that is exported for others.
interface Exported {
    __inputs: Array<Record<"name" | "label" | "description" | "type" | "pluginId" | "pluginName", string>>;
    __elements: Record<string, never>;
    __requires: Array<Record<"type" | "id" | "name" | "version", string>>;
}

type Row = Omit<grafana.RowPanel, "panels"> & { panels: Chart[] };

export type Dashboard = Exported & Json<Omit<grafana.Dashboard, "panels"> & { panels: Array<Chart | Row> }>;
