import { type EngineFacts, readEngineFacts } from '../docker-engine.js';
import type { Surroundings } from './check.js';

/** What the engine says of itself, asked once for all checks. */
export function engine(on: Surroundings): Promise<EngineFacts> {
  return on.once('engine', () => readEngineFacts(on));
}
