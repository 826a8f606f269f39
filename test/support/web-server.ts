import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface WebServer {
  /** Address of a path. */
  url(path: string): string;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
}

/** A web server on this machine alone, ended with the test. Paths that it does not know are 404. */
export async function webServer(files: Readonly<Record<string, Uint8Array>>): Promise<WebServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const name = request.url ?? '';
    asked.push(name);
    const content = files[name];
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { asked, url: (name) => `http://127.0.0.1:${port}${name}` };
}
