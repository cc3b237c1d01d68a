namespace Ringcast.Realtime.Event
{
	public class GroupMembershipEventArgs : BaseEventArgs
	{
		public int GroupId { get; private set; }
		public int[] PlayerIds { get; private set; }

		public GroupMembershipEventArgs(int sender, int groupId, int[] playerIds)
			: base(sender, Constants.GROUP_MEMBERSHIP_UPDATE_OP_CODE, new byte[0])
		{
			GroupId = groupId;
			PlayerIds = playerIds;
		}
	}
}
