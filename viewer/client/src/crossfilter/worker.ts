/** The crossfilter's worker: an engine behind messages. */
import { createHandler, type Request } from './protocol';

const scope = self as unknown as DedicatedWorkerGlobalScope;
const handle = createHandler((reply, transfer) => scope.postMessage(reply, transfer));
scope.onmessage = (event: MessageEvent<Request>) => handle(event.data);
