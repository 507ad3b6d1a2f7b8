/** From the first request to an open dataset. */
import type { Api } from '../../api/client';
import { ApiError } from '../../api/error';
import type { Health, Schema } from '../../api/types';

/** Milliseconds between two looks at a loading server: soon at first, as most files open within a second. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 500;
/** Failed looks in a row (a proxy that is not ready yet answers with pages of its own) before the user is told. */
const PATIENCE = 14;

/** Wait until the dataset is open, reporting progress. */
export async function openDataset(
  api: Api,
  signal: AbortSignal,
  onProgress: (health: Health) => void,
): Promise<Schema> {
  let failures = 0;
  let pause = FIRST_PAUSE;
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
      const passing = error instanceof ApiError && isPassing(error);
      failures++;
      if (!passing || failures >= PATIENCE) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 1.5, LONGEST_PAUSE);
  }
}

export function datasetError({ error, message }: Health): DatasetError {
  return new DatasetError(
    error?.code ?? 'dataset_error',
    error?.message ?? message ?? '',
    error?.hint ?? 'Look at the server’s messages.',
  );
}

/** The dataset cannot be shown: asking again would not help. */
export class DatasetError extends ApiError {
  override name = 'DatasetError';
}

function isPassing(error: ApiError): boolean {
  if (error instanceof DatasetError) return false;
  return error.code === 'not_starcyte' || error.code === 'unreachable' || error.status === 0 || error.status >= 502;
}
