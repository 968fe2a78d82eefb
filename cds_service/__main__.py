"""`python -m cds_service` is `crd`."""

from cds_service.cli.main import main

if __name__ == "__main__":
    main()
