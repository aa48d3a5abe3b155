// PostGraphile over the schema `masked`. With BENCH_REGION the row filter comes as a setting of each request, else the
// role has a filter of its own.
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const region = process.env.BENCH_REGION;
const settings = { role: "bench_reader", "bench.region": region };

export default {
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      connectionString: process.env.BENCH_DATABASE,
      schemas: ["masked"],
      poolConfig: { max: 16 },
    }),
  ],
  grafast: { explain: false, ...(region ? { context: () => ({ pgSettings: settings }) } : {}) },
  grafserv: { graphiql: false, watch: false },
};
