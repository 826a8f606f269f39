import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout that the tests belong to. */
export const checkout = path.resolve(fileURLToPath(new URL('../../', import.meta.url)));
