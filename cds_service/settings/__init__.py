"""What an operator can set, and where it is set: the table, its kinds, its sources, its checks."""

from cds_service.settings.row import Setting
from cds_service.settings.sources import read_settings
from cds_service.settings.table import Settings, all_settings, default_data_dir

__all__ = ["Setting", "Settings", "all_settings", "default_data_dir", "read_settings"]
