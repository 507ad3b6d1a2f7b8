export type ColormapName = 'viridis' | 'magma' | 'cividis' | 'blues' | 'diverging';
