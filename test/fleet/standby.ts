import { PostgresServer } from '../helpers/postgres.js';

/** Starts a hot standby of a server of this machine, which shows what its primary has done after a time. */
export async function startStandby(
  bin: string,
  primaryPort: number,
  delayMs: number,
): Promise<PostgresServer> {
  const standby = await PostgresServer.place(bin);
  await standby.backUp({ port: primaryPort });
  standby.follow([primaryPort]);
  standby.configure(`recovery_min_apply_delay = ${delayMs}`);
  await standby.restart();
  return standby;
}
