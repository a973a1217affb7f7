"""datatrove's chain over the WARC files of a folder, in the order of its FineWeb example: clean_datatrove.py IN OUT.

Two tasks, two workers. Left out is what fetches its data while it runs: the list of URLs and the language model. ftfy, which
the example has no place for, stands behind the extraction. A page has as long as it needs: on a busy machine the default
would end, and start again, the process that extracts.
"""

import sys


def main():
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
    from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
    from datatrove.pipeline.readers import WarcReader
    from datatrove.pipeline.writers import JsonlWriter

    source, target = sys.argv[1:]
    steps = [
        WarcReader(source),
        Trafilatura(favour_precision=True, timeout=600),
        FTFYFormatter(),
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
        FineWebQualityFilter(),
        PIIFormatter(),
        JsonlWriter(target + "/kept", compression=None),
    ]
    LocalPipelineExecutor(steps, tasks=2, workers=2, logging_dir=target + "/logs").run()


if __name__ == "__main__":
    main()
