"""`python -m cds_service` is `crd`."""

from cds_service.cli import main

if __name__ == "__main__":
    main()
