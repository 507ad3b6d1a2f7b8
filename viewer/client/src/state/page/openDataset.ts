/** Waiting for a dataset to be opened. */
import type { Api } from '../../api/client';
import { ApiError } from '../../api/error';
import type { Health, Schema } from '../../api/types';

/** Milliseconds between two requests for the state of loading: few at first, as most files open within a second. */
const FIRST_DELAY = 100;
const LONGEST_DELAY = 500;
/** Failed requests in a row before an error is shown. A proxy that is not ready yet answers with pages of its own. */
const MAX_FAILURES = 14;

/** Wait until the dataset is open, and return its schema. */
export async function openDataset(
  api: Api,
  signal: AbortSignal,
  onProgress: (health: Health) => void,
): Promise<Schema> {
  let failures = 0;
  let delay = FIRST_DELAY;
  while (true) {
    try {
      const health = await api.health(signal);
      failures = 0;
      onProgress(health);
      if (health.state === 'error') throw datasetError(health);
      if (health.state === 'ready') {
        const schema = await api.schema();
        api.transport.revision = schema.revision ?? null;
        return schema;
      }
    } catch (error) {
      if (signal.aborted) throw error;
      const temporary = error instanceof ApiError && isTemporary(error);
      failures++;
      if (!temporary || failures >= MAX_FAILURES) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, delay));
    delay = Math.min(delay * 1.5, LONGEST_DELAY);
  }
}

export function datasetError({ error, message }: Health): DatasetError {
  return new DatasetError(
    error?.code ?? 'dataset_error',
    error?.message ?? message ?? '',
    error?.hint ?? 'See the log of the server.',
  );
}

/** The dataset cannot be shown: another request would not help. */
export class DatasetError extends ApiError {
  override name = 'DatasetError';
}

function isTemporary(error: ApiError): boolean {
  if (error instanceof DatasetError) return false;
  return error.code === 'not_starcyte' || error.code === 'unreachable' || error.status === 0 || error.status >= 502;
}
