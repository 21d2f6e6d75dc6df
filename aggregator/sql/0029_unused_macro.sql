DROP MACRO TABLE IF EXISTS repeat_contact_of;  -- nothing asks it: the feed reads the view repeat_contact
