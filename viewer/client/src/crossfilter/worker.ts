/** The crossfilter's worker: an engine behind messages. */
import { createSession, type Request } from './session';

const scope = self as unknown as DedicatedWorkerGlobalScope;
const handle = createSession((reply, transfer) => scope.postMessage(reply, transfer));
scope.onmessage = (event: MessageEvent<Request>) => handle(event.data);
